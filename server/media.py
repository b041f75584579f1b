"""Files that belong to an actor: where they lie, and under which address they are read."""


def address(origin: str) -> str:
    """The public folder; names in it are random (DECISIONS)."""
    return f"{origin}/media"
