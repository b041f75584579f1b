"""Posts and what hangs on them: audiences, visibility, edits, polls, quotes, favourites, boosts."""
