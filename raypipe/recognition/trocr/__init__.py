"""TrOCR: the networks, and how tokens are generated."""
