"""Logs and what else is told about a running system."""
