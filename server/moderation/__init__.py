"""Decisions about accounts, servers and networks, in one place for every door."""
