"""The read models, a folder each: its tables, its follower and its queries. What all of them share is in
`followers`."""
