"""Accounts, and how they stand to each other."""
