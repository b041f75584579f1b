"""Base of every door: requests, answers, errors, limits, and who asks."""
