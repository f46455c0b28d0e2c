"""Which kinds of events there are, who reads them, how many are stored, and masked samples of them.

Whether a process may start on a store is decided in `kinds`, further in."""
