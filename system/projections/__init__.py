"""The read models: each a follower, its tables and its queries."""
