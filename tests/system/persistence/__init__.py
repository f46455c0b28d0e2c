"""Databases, files, migrations, recorders: what is stored, and what happens when that fails."""
