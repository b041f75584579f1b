"""From a handle or URI to an actor or post, and what is fetched for one in the background."""
