"""The Mastodon client API: one thin module per resource."""
