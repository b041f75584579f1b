"""Pages for stewards."""
