"""The read models: what is kept of events, and how it is asked for."""
