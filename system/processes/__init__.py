"""The policies: how each application reacts to what the others have recorded. What a read model makes of it
is in `projections`."""
