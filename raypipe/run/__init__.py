"""The adapters: one pipeline runs in one process, on Ray Data, or online. Nothing else imports ray."""
