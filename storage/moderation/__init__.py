"""What was reported and decided, about people and servers, and by whom."""
