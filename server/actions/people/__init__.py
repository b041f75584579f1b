"""Profiles, and how people stand to each other."""
