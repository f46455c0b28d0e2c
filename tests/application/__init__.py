"""The use-cases on in-memory persistence."""
