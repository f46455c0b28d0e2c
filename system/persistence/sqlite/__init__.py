"""What only SQLite needs: its files, its indexes, and the agreement of followers and logs in it."""
