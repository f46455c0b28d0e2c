"""The HTTP API under ``/api/v1``: JSON in, JSON out, and one way to say what went wrong."""
