"""The loops that keep followers up to date with their leaders: they read pages, retry, park, and stop
cleanly. Which followers there are, and what they do, they are told."""
