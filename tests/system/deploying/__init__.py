"""What is asked before a release is put to work."""
