"""What the system knows of each step of the saga: who does it, what it holds and misses, how it is told.
What the saga itself knows of a step is in `domain.fulfilment.steps`."""
