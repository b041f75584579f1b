"""Environment and `kith.toml` as one frozen value, and what the server takes from the world."""
