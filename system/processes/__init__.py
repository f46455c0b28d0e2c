"""The policies: how each application reacts to what the others have recorded."""
