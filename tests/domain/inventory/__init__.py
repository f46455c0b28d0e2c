"""Stories about the domain's inventory context."""
