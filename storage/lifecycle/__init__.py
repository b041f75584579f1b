"""Lifecycle of data: exports, imports, archives, erasure, retention, integrity."""
