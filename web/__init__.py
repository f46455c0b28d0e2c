"""Every way in: the HTTP API and the command line."""
