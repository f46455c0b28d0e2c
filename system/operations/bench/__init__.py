"""Measurements, side by side: this system, the library as it comes, and what PostgreSQL itself can do."""
