"""Logs, and questions that nobody waits for."""
