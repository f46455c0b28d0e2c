"""Which kinds and versions of events are stored is counted once, and nothing newer than the code is taken."""
