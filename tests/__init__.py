"""The tests mirror the tree of the code; `support` holds what they share."""
