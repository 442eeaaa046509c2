"""What `raypipe run` does: inputs to an output folder, resumable."""
