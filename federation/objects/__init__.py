"""Nouns: AS2 as values, and values as AS2. Pure functions; storing them is the verbs' work."""
