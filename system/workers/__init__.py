"""Threads beside the followers: calls to the payment provider, and deadlines. What they find is recorded as
a command; they keep nothing themselves."""
