"""Reports and decisions, about people and servers, and by whom."""
