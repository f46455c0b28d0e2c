"""The runner: it keeps up, retries, parks, takes turns and stops."""
