"""The inner ring: what the business decides. Standard library and ``eventsourcing.domain`` only."""
