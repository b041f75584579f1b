"""What members read by: timelines, lists, conversations, filters, notifications, search."""
