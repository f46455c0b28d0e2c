"""The threads beside the followers."""
