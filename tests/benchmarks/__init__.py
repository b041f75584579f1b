"""What the server costs: `make bench`. Ratios within one run count; nothing here is asserted."""
