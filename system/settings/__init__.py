"""What can be set by the environment, and how a mistake in it is told. No defaults of a single room's own:
those stand where they are used."""
