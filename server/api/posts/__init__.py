"""Statuses, and what is done with them."""
