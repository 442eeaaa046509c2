"""Text detectors, one file per model family."""
