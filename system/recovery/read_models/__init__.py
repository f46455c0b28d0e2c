"""What a person does about read models: builds a version, compares it, has it served, drops it; writes one
as of a moment, and puts single rows right."""
