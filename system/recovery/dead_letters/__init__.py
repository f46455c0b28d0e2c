"""The dead-letter desk: everything that waits for a person, in one list, and what can be done about it.

`desk` lists and shows, `actions` retries and discards, `rehearsing` shows what a retry would change.
"""
