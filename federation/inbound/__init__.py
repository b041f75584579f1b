"""Activities that come in: verified, kept, prepared, applied in the order of their actor."""
