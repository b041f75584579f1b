"""Counts that accounts show, of posts and of who follows; kept by triggers (migration 6)."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from json import dumps
from typing import NamedTuple

from storage.engine.clock import optional_moment
from storage.engine.ids import ActorId, PostId
from storage.engine.transaction import Reader


@dataclass(frozen=True, slots=True)
class AccountCounts:
    """Counts of one actor: their posts that are not for named people only, and accepted follows."""

    posts: int = 0
    newest: datetime | None = None
    followers: int = 0
    following: int = 0


class AccountVersion(NamedTuple):
    """Data that decides how an account is shown: whose it is, which version, and its counts.

    `newest` in milliseconds; `emojis` grows whenever those of its server change. Two that are equal
    look the same.
    """

    actor: ActorId
    version: int
    posts: PostId
    newest: int | None
    followers: ActorId
    following: int
    emojis: int

    @property
    def counts(self) -> AccountCounts:
        return AccountCounts(
            self.posts, optional_moment(self.newest), self.followers, self.following
        )


ACCOUNT_VERSION = (
    "w.id, w.version, ct.posts, ct.newest, ct.followers, ct.following, ifnull(h.emojis, 0)"
)
COUNTS_JOIN = "JOIN account_counts ct ON ct.actor = w.id LEFT JOIN hosts h ON h.host = w.host"


def account_versions(reader: Reader, wanted: Iterable[ActorId]) -> list[AccountVersion]:
    """Versions of actors by number; who left, or was turned out, is not among them."""
    rows = reader.rows(
        f"SELECT {ACCOUNT_VERSION} FROM actors w {COUNTS_JOIN}"
        " WHERE w.id IN (SELECT value FROM json_each(?)) AND w.effective_state = 'active'",
        dumps(sorted(set(wanted))),
    )
    return list(map(AccountVersion._make, rows))


def many(reader: Reader, wanted: Iterable[ActorId]) -> dict[int, AccountCounts]:
    """Counts by the number of the actor."""
    rows = reader.rows(
        "SELECT actor, posts, newest, followers, following FROM account_counts"
        " WHERE actor IN (SELECT value FROM json_each(?))",
        dumps(sorted(set(wanted))),
    )
    return {
        actor: AccountCounts(posts, optional_moment(newest), followers, following)
        for actor, posts, newest, followers, following in rows
    }
