"""What the system knows of each step of the saga: who does it, in which stream of an order, what it holds and
misses, and how it is told. What the saga itself knows of a step is in `domain.fulfilment.steps`."""
