"""Hashtags. Names are folded; how they were written stays with the post."""

from dataclasses import dataclass
from datetime import timedelta

from storage.clock import milliseconds
from storage.units import Reader


@dataclass(frozen=True, slots=True)
class Use:
    """How often a hashtag was used on a day, counted back from today, and by how many."""

    day: int
    uses: int
    accounts: int


def starting_with(reader: Reader, name: str, most: int) -> list[str]:
    rows = reader.rows(
        r"SELECT name FROM tags WHERE name LIKE ? ESCAPE '\' ORDER BY length(name), name LIMIT ?",
        name.casefold().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%",
        most,
    )
    return [found for (found,) in rows]


def history(reader: Reader, name: str, days: int = 7) -> list[Use]:
    """Public posts of the last days, today first; `day` is the start of the day in seconds."""
    midnight = reader.now.replace(hour=0, minute=0, second=0, microsecond=0)
    uses = []
    for back in range(days):
        start = midnight - timedelta(days=back)
        row = reader.row(
            "SELECT count(*), count(DISTINCT p.author) FROM tags t"
            " JOIN post_tags g ON g.tag = t.id JOIN posts p ON p.id = g.post"
            " WHERE t.name = ? AND p.listed AND p.deleted_at IS NULL AND p.id >= ? AND p.id < ?",
            name.casefold(),
            milliseconds(start) << 16,
            milliseconds(start + timedelta(days=1)) << 16,
        )
        uses.append(Use(int(start.timestamp()), *(row or (0, 0))))
    return uses
