"""A page's pixels: one module for each kind of file, and their registry."""
