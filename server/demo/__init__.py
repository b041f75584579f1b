"""A small village to look at (`make demo`)."""
