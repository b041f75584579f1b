"""Telling those who look after a place."""
