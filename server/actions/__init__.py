"""What members do, for every door: API, pages, command line, imports."""
