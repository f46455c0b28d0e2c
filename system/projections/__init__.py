"""The read models, a module each: its tables, its follower and its queries. One whose tables, queries or
figures need more room is a folder with a module for each of them. What all read models share is in
`followers`."""
