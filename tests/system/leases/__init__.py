"""Each follower has one owner at a time."""
