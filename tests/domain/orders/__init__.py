"""Stories about the domain's orders context."""
