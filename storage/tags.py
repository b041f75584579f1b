"""Hashtags. Names are folded; how they were written stays with the post."""

from dataclasses import dataclass
from datetime import timedelta

from storage.clock import milliseconds
from storage.units import Reader
from storage.visibility import ALIVE, PEOPLE, Viewer, predicate


@dataclass(frozen=True, slots=True)
class Use:
    """How often a hashtag was used on a day, counted back from today, and by how many."""

    day: int
    uses: int
    accounts: int


def starting_with(reader: Reader, viewer: Viewer, name: str, most: int) -> list[str]:
    """Hashtags of posts that lists show to the viewer, the shortest first."""
    may, values = predicate(viewer)
    pattern = name.casefold().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    rows = reader.named(
        r"SELECT t.name FROM tags t WHERE t.name LIKE :pattern ESCAPE '\' AND EXISTS"
        f" (SELECT 1 FROM post_tags g JOIN posts p ON p.id = g.post {PEOPLE}"
        f" WHERE g.tag = t.id AND p.listed AND {ALIVE} AND {may})"
        " ORDER BY length(t.name), t.name LIMIT :most",
        {"pattern": pattern, "most": most, **values},
    )
    return [found for (found,) in rows]


def history(reader: Reader, viewer: Viewer, name: str, days: int = 7) -> list[Use]:
    """Of the last days, today first, what lists show to the viewer; `day` in seconds."""
    may, values = predicate(viewer)
    midnight = reader.now.replace(hour=0, minute=0, second=0, microsecond=0)
    uses = []
    for back in range(days):
        start = midnight - timedelta(days=back)
        ((count, accounts),) = reader.named(
            "SELECT count(*), count(DISTINCT p.author) FROM tags t"
            f" JOIN post_tags g ON g.tag = t.id JOIN posts p ON p.id = g.post {PEOPLE}"
            " WHERE t.name = :name AND p.listed AND p.id >= :first AND p.id < :next"
            f" AND {ALIVE} AND {may}",
            {
                "name": name.casefold(),
                "first": milliseconds(start) << 16,
                "next": milliseconds(start + timedelta(days=1)) << 16,
                **values,
            },
        )
        uses.append(Use(int(start.timestamp()), count, accounts))
    return uses
