"""The pages of the reference, a file each."""
