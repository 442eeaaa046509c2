"""The HTTP side of raypipe: everything between a socket and rows of pages. Knows neither Ray nor models."""
