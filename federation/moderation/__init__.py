"""Notices to others of our decisions about people and servers."""
