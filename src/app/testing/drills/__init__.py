"""Drills: what a bad day looks like, played to the real plans of a catalog before it comes.

`scenario` says what is played, `groups` to whom, `stage` is where, `player` plays one cell of the matrix,
`checks` says which policies it has broken, and `drilling` plays them all.
"""
