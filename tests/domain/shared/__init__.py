"""Stories about the domain's shared context."""
