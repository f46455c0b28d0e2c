"""The ring that knows all contexts: the system's wiring, its runner, its read models, its upkeep."""
