"""Is the store what it was: rows, streams, positions, seals, and what was made of them?

It only reads what it verifies; what it knows of it is kept apart, in the side store of the seals. What is
done about a finding belongs to `recovery` and to people.
"""
