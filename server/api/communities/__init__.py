"""The instance, as clients ask for it."""
