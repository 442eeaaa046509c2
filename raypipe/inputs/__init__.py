"""The inputs: from sources to rows of pages."""
