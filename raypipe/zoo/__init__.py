"""Model names to files: in the package, in the local store, or on the hub."""
