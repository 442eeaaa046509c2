"""Regions to lines to reading order: geometry, and the words that the lines hold where they have been read."""
