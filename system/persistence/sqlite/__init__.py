"""The store in SQLite files: one for each application."""
