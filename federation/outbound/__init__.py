"""Activities of ours: published, and delivered to everybody they are for."""
