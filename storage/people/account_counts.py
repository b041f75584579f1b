"""What accounts show of how much they said and who follows; kept by triggers (migration 6)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from json import dumps
from typing import NamedTuple

from storage.engine.clock import optional_moment
from storage.engine.transaction import Reader


@dataclass(frozen=True, slots=True)
class Tally:
    """Of one actor: their posts that are not for named people only, and accepted follows."""

    posts: int = 0
    newest: datetime | None = None
    followers: int = 0
    following: int = 0


class Portrait(NamedTuple):
    """All that decides how an account is shown: whose it is, which version of it, and its tally.

    `newest` in milliseconds; `emojis` grows whenever those of its server change. Two that are equal
    look the same.
    """

    actor: int
    version: int
    posts: int
    newest: int | None
    followers: int
    following: int
    emojis: int

    @property
    def tally(self) -> Tally:
        return Tally(self.posts, optional_moment(self.newest), self.followers, self.following)


PORTRAIT = "w.id, w.version, t.posts, t.newest, t.followers, t.following, ifnull(h.emojis, 0)"
DRAWN = "JOIN tallies t ON t.actor = w.id LEFT JOIN hosts h ON h.host = w.host"


def portraits(reader: Reader, wanted: Iterable[int]) -> list[Portrait]:
    """Of actors by number; who left, or was turned out, is not among them."""
    rows = reader.rows(
        f"SELECT {PORTRAIT} FROM actors w {DRAWN}"
        " WHERE w.id IN (SELECT value FROM json_each(?)) AND w.state = 'active'",
        dumps(sorted(set(wanted))),
    )
    return list(map(Portrait._make, rows))


def many(reader: Reader, wanted: Iterable[int]) -> dict[int, Tally]:
    """By the number of the actor."""
    rows = reader.rows(
        "SELECT actor, posts, newest, followers, following FROM tallies"
        " WHERE actor IN (SELECT value FROM json_each(?))",
        dumps(sorted(set(wanted))),
    )
    return {
        actor: Tally(posts, optional_moment(newest), followers, following)
        for actor, posts, newest, followers, following in rows
    }
