"""PostgreSQL, tuned: the persistence module to name in ``PERSISTENCE_MODULE``.

The tables are the library's own with a few columns more, so `eventsourcing.postgres` can read and
write them too. What differs is how: one round trip and one flush for an append, pages in bulk, one
pool a process, and time-outs that fail fast.
"""

from .factory import TunedFactory

__all__ = ["TunedFactory"]
