"""What lasts and what goes: exports, imports, archives, erasure, retention, integrity."""
