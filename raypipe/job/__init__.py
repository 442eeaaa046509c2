"""What `raypipe run` does: from inputs to an output folder, resumable."""
