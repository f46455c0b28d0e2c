"""What can be set by the environment, and how a mistake in it is told. No defaults of a single folder's own:
those stand where they are used. Each application can have settings of its own, so this folder knows the
definition of the system."""
