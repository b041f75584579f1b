"""What keeps a server running: jobs, logs, metrics, backups, its doctor."""
