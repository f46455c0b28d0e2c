"""What holds for every interleaving, on generated ones."""
