"""Data that the server remembers. Imports nothing of ours above it, and no network."""
