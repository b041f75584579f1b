"""HTTP to other servers: the one client, addresses, signatures, keys, and who gets which place."""
