"""What decides how a member reads: filters and lists."""
