"""Payment providers behind the port, and the worker that calls them."""
