"""Bringing along, taking along, moving on and leaving."""
