"""The saga failure matrix: each step of the saga in each trouble, and how it ends."""
