"""Who owns which follower, over processes and machines. Not what an owner does with it: that is
`runner`."""
