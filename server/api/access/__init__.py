"""Apps, and sign-up from a client."""
