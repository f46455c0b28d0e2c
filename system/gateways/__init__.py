"""The providers that are called outside of this system. Who calls them, and when, is in `workers`."""
