"""What every follower is made of: its base, the log it reads, the work of a page, its parking lot. No
follower itself: those are in `processes` and `projections`."""
