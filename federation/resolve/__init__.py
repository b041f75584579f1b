"""Resolution of handles and URIs to actors and posts, and background fetches for them."""
