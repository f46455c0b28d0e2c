"""Stories about the domain's payments context."""
