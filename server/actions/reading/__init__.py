"""Settings of how a member reads: filters and lists."""
