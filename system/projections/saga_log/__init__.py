"""The saga log: every fulfilment, what became of each of its steps, and what they come to."""
