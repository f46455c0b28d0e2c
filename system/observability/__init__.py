"""Logs, metrics and readiness: what is told about a running system without being asked by a person."""
