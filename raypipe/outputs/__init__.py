"""What a page can be written as, a file a format."""
