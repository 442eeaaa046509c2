"""What is to be read: from sources to rows of pages."""
