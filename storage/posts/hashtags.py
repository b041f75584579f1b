"""Hashtags. Names are folded; how they were written stays with the post."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from json import dumps

from storage.engine.clock import milliseconds
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader
from storage.posts.visibility import ALIVE, PEOPLE, Viewer, predicate


@dataclass(frozen=True, slots=True)
class Use:
    """Uses of a hashtag on a day, counted back from today, and by how many."""

    day: int
    uses: int
    accounts: ActorId


def starting_with(reader: Reader, viewer: Viewer, name: str, most: int) -> list[str]:
    """Hashtags of posts that lists show to the viewer, the shortest first."""
    may, values = predicate(viewer)
    pattern = name.casefold().replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
    rows = reader.named(
        rf"""
        SELECT tg.name FROM tags tg WHERE tg.name LIKE :pattern ESCAPE '\' AND EXISTS (
            SELECT 1 FROM post_tags pt JOIN posts p ON p.id = pt.post {PEOPLE}
            WHERE pt.tag = tg.id AND p.listed AND {ALIVE} AND {may}
        )
        ORDER BY length(tg.name), tg.name LIMIT :most
        """,
        {"pattern": pattern, "most": most, **values},
    )
    return [found for (found,) in rows]


def history(
    reader: Reader, viewer: Viewer, names: Sequence[str], days: int = 7
) -> dict[str, list[Use]]:
    """Uses in the last days, today first, of what lists show to the viewer, by folded name.

    `day` in seconds. One statement, however many names.
    """
    may, values = predicate(viewer)
    midnight = reader.now.replace(hour=0, minute=0, second=0, microsecond=0)
    starts = [midnight - timedelta(days=back) for back in range(days)]
    rows = reader.named(
        f"""
        SELECT tg.name, ((pt.post >> 16) - :first) / 86400000, count(*),
        count(DISTINCT p.author) FROM json_each(:names) j CROSS JOIN tags tg ON tg.name = j.value
        CROSS JOIN post_tags pt ON pt.tag = tg.id CROSS JOIN posts p ON p.id = pt.post {PEOPLE}
        WHERE p.listed AND pt.post >= (:first << 16)
        AND {ALIVE} AND {may} GROUP BY 1, 2
        """,
        {"names": dumps(sorted(set(names))), "first": milliseconds(starts[-1]), **values},
    )
    counted = {(name, day): (uses, people) for name, day, uses, people in rows}
    return {
        name: [
            Use(int(start.timestamp()), *counted.get((name, days - 1 - back), (0, 0)))
            for back, start in enumerate(starts)
        ]
        for name in names
    }
