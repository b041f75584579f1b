"""Rows as Mastodon API JSON: one module per entity, in batches, never a query per row."""
