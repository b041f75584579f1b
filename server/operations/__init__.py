"""Operation of a server: jobs, logs, metrics, backups, its doctor."""
