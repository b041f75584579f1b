"""Actors and how they stand to each other: follows, blocks, moves, keys, notes, counts."""
