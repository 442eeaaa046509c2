"""Text recognizers: a file a model family."""
