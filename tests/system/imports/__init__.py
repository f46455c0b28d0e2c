"""Orders from files, and the demo."""
