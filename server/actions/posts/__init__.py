"""Writing, and what is done with what was written."""
