"""The environment, read and checked."""
