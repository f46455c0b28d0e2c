"""What the system knows of each step."""
