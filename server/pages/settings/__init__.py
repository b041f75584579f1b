"""Pages on which members keep their account."""
