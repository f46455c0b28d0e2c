"""Our runner: follows, wakes, retries, parks, and stops cleanly."""
