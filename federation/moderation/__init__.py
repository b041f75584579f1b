"""What others notice of our decisions about people and servers."""
