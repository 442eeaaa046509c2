"""How fast a pipeline reads a user's own pages on this machine, and where the time of a page goes."""
