"""Calls to the payment provider: which are due, now or later, and which need a person."""
