"""End-to-end stories, each on every persistence and under both runners."""
