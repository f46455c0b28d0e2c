"""What followers are made of."""
