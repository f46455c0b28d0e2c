"""What holds when processes are killed."""
