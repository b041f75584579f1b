"""Parts that several verbs have in common."""
