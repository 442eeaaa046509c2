"""A page's pixels: a file for each kind of file, and their registry."""
