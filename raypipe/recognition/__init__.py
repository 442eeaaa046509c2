"""Text recognizers, one folder per model family."""
