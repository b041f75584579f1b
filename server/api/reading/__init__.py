"""Timelines, lists, filters, hashtags, notifications, search."""
