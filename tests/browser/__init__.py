"""The pages in a real browser: axe-core, sideways scroll, the content security policy."""
