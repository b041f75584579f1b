"""Access: accounts, sessions, apps, second factors, and who cannot sign up."""
