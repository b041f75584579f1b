"""Pages: which part of a long list is meant (mastodon-api/conventions.md, Pagination)."""

from dataclasses import dataclass

HIGHEST = (1 << 63) - 1  # of SQLite's integers


@dataclass(frozen=True, slots=True)
class Page:
    """Newest first, `limit` rows; `min_id` asks for those just above it instead of the newest."""

    limit: int = 20
    max_id: int | None = None
    since_id: int | None = None
    min_id: int | None = None

    @property
    def values(self) -> dict[str, int]:
        """Values for a statement with `id < :below AND id > :above … LIMIT :limit`."""
        floor = min(max(self.since_id or 0, self.min_id or 0), HIGHEST)
        ceiling = HIGHEST if self.max_id is None else min(self.max_id, HIGHEST)
        return {"below": ceiling, "above": floor, "limit": self.limit}

    @property
    def order(self) -> str:
        """Order in which the statement sorts; rows are then put newest first."""
        return "ASC" if self.min_id is not None else "DESC"
