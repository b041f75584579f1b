"""The one source of identifiers and of randomness."""

import secrets
from datetime import datetime
from itertools import count
from typing import NewType

from storage.engine.clock import milliseconds

ActorId = NewType("ActorId", int)
PostId = NewType("PostId", int)
Uri = NewType("Uri", str)

NOBODY = ActorId(0)
"""Number that no actor has: of visitors, and of whoever is not known."""

JITTER = 1000  # milliseconds by which many numbers made at once may be ahead

_sequence = count(secrets.randbelow(1 << 16))


def sortable(moment: datetime) -> int:
    """Milliseconds << 16 | sequence: what clients sort by. Unique within 65,536 a millisecond."""
    return milliseconds(moment) << 16 | next(_sequence) & 0xFFFF


def small(moment: datetime) -> int:
    """Milliseconds << 10 | sequence: below 2^53, where clients read a JSON number."""
    return milliseconds(moment) << 10 | next(_sequence) & 0x3FF


class Numbers:
    """Rising numbers of one database: what was made later is higher, whatever the clock does.

    Letters to one host go in the order of their numbers, and nothing that one unit makes, however
    many rows, may have a number twice. After a clock that was ahead they go on by one each, until
    the time has caught up with them; so they do after a restart, from the highest that was kept.
    """

    def __init__(self) -> None:
        self._sortable = self._small = 0

    def sortable(self, now: datetime) -> int:
        self._sortable = max(sortable(now), self._sortable + 1)
        return self._sortable

    def small(self, now: datetime) -> int:
        self._small = max(small(now), self._small + 1)
        return self._small

    def of_moment(self, moment: datetime, now: datetime) -> int:
        """Number for what others made at a moment: where it belongs among what is there by time.

        While our numbers are ahead of the time, what is newer than the difference comes on top:
        nobody who has seen the highest would look for it below.
        """
        ahead = (self._sortable >> 16) - milliseconds(now)
        if ahead > JITTER and milliseconds(moment) >= milliseconds(now) - ahead:
            return self.sortable(now)
        return sortable(moment)

    def go_on_above(self, highest_sortable: int, highest_small: int) -> None:
        """Give out only numbers above what a database holds; both kinds go on from one moment."""
        moment = max(highest_sortable >> 16, highest_small >> 10)
        self._sortable = max(self._sortable, highest_sortable, moment << 16)
        self._small = max(self._small, highest_small, moment << 10)


def secret(octets: int = 32) -> str:
    """A new secret, URL-safe."""
    return secrets.token_urlsafe(octets)


def file_name() -> str:
    """128 random bits in hexadecimal: the name of a media file."""
    return secrets.token_hex(16)


def word(choices: tuple[str, ...]) -> str:
    return secrets.choice(choices)


def fraction() -> float:
    """A random number in [0, 1), to spread what would otherwise happen at once."""
    return secrets.randbelow(1 << 24) / (1 << 24)


def same(one: str, other: str) -> bool:
    """Compare secrets in constant time."""
    return secrets.compare_digest(one.encode(), other.encode())


def hexadecimal(octets: int = 32) -> str:
    """A new secret in hexadecimal, as settings take it."""
    return secrets.token_hex(octets)
