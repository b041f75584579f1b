"""What every door stands on: requests, answers, errors, limits, and who asks."""
