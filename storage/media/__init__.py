"""Files that belong to posts and profiles, and custom emoji."""
