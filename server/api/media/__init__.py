"""Media attachments and custom emoji."""
