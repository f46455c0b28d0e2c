"""The conservation audit."""
