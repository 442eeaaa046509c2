"""Long work of a server, `/v1/jobs`: kept in a folder, read in the room that requests leave, told of when it ends."""
