"""Communities: what people are members of, and what they agreed on."""
