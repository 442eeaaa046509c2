"""Text detectors: a file a model family."""
