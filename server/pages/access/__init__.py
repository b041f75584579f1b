"""Pages for coming in: sign-up, log-in, second factor, consent, invitations."""
