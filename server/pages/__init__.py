"""The pages for people: views, templates, sentences in their language."""
