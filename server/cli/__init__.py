"""The command `kith`, and how it speaks to a running server."""
