"""Sign-up, log-in and what proves who somebody is."""
