"""The adapters: one pipeline in one process, on Ray Data, online. Nothing else imports ray."""
