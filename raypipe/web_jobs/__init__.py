"""Jobs of a server, `/v1/jobs`: kept in a folder, read in the room that requests leave, announced when they end."""
