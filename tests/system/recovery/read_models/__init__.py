"""Versions of read models, as a person builds, switches and drops them."""
