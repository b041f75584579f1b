"""Reports, and the admin API."""
