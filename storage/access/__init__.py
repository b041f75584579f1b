"""Who may come in: accounts, sessions, apps, second factors, and who cannot sign up."""
