"""What accounts show of how much they said and who follows; kept by triggers (migration 6)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from json import dumps

from storage.clock import optional_moment
from storage.units import Reader


@dataclass(frozen=True, slots=True)
class Tally:
    """Of one actor: their posts that are not for named people only, and accepted follows."""

    posts: int = 0
    newest: datetime | None = None
    followers: int = 0
    following: int = 0


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
