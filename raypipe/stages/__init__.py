"""What a page goes through, a file a stage."""
