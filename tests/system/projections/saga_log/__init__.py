"""The saga log."""
