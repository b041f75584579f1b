"""Files: taken in by a guarded process, kept, served, and fetched from other servers."""
