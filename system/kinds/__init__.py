"""Which kinds of events are stored, in which versions, and whether this release knows them.

What a kind of event says and who reads it is no concern of this folder, see `catalogue`."""
