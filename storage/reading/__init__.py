"""Reading: timelines, lists, conversations, filters, notifications, search."""
