"""The stages that a page goes through, one file each."""
