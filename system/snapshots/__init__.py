"""Snapshots: where they are kept, when they are taken, and what is counted about them. What a state is made
of, and how a stream is read from a snapshot on, is in `application`."""
