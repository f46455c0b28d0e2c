"""Where events, positions and the rows of read models are stored: `Store` says what that is, and it is kept
in memory, in SQLite files or in PostgreSQL. Nothing here knows what an event means."""
