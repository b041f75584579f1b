"""Actions of members, for every door: API, pages, command line, imports."""
