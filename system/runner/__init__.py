"""The loops that keep followers level with what they follow: they read pages, retry, park, and stop
cleanly. Which followers there are, and what they do, they are told."""
