"""Answers HTTP: the Mastodon client API, the ActivityPub endpoints and the pages for people."""

VERSION = "0.1.0"
