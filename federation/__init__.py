"""Speaks ActivityPub: whatever another person can notice is an activity that passes here."""
