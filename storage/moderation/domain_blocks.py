"""Effects of blocking a server: its people are hidden, and nothing joins them to ours.

The tier is in `hosts`; here the actors follow it, a slice at a time. What they said stays, unseen,
and so does what was decided about each of them: both come back when the block is lifted.
Relations end for good.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from json import dumps

from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.moderation import decisions
from storage.people.actors import CHANGED
from storage.people.follows import FOLLOWED
from storage.queues.hosts import is_blocked, is_limited, names_of

SLICE = 100


@dataclass(frozen=True, slots=True)
class Part:
    """Actors elsewhere that have this host in their URI and this domain in their handle."""

    host: str
    domain: str
    actors: ActorId

    def is_within(self, name: str) -> bool:
        """Whether a tier of that name concerns them."""
        return name in names_of(self.host) or name in names_of(self.domain)


def parts(reader: Reader) -> list[Part]:
    """Parts, all of them: a walk through an index, for an operator's command."""
    rows = reader.rows(
        "SELECT host, domain, count(*) FROM actors WHERE host <> '' GROUP BY host, domain"
    )
    return [Part(*row) for row in rows]


def settle(writer: Writer, part: Part, after: int) -> list[ActorId]:
    """Let the next slice follow: those with higher numbers than `after`. Return their numbers."""
    rows = writer.rows(
        "SELECT id FROM actors WHERE host = ? AND domain = ? AND id > ? ORDER BY id LIMIT ?",
        part.host,
        part.domain,
        after,
        SLICE,
    )
    found = [id_ for (id_,) in rows]
    hush = decisions.silence if is_limited(writer, part.host, part.domain) else decisions.unsilence
    for id_ in found:
        hush(writer, id_, decisions.SILENCED_WITH_SERVER)
    if is_blocked(writer, part.host, part.domain):
        _set_blocked(writer, found, blocked=True)
        _part_from_ours(writer, found)
    else:
        _set_blocked(writer, found, blocked=False)
    return found


def _set_blocked(writer: Writer, found: Sequence[int], *, blocked: bool) -> None:
    writer.execute(
        "UPDATE actors SET host_blocked = ?, version = version + 1"
        " WHERE id IN (SELECT value FROM json_each(?)) AND host_blocked <> ?",
        blocked,
        dumps(found),
        blocked,
    )
    _tell(writer, found)


def _tell(writer: Writer, found: Sequence[int]) -> None:
    for id_ in found:
        writer.after_commit(CHANGED, str(id_))


def _part_from_ours(writer: Writer, found: Sequence[int]) -> None:
    """Follows end both ways, with what they brought; a ban from a community holds."""
    actors = dumps(found)
    followers = writer.rows(
        "SELECT DISTINCT follower FROM follows WHERE target IN (SELECT value FROM json_each(?))",
        actors,
    )
    for statement in (
        "DELETE FROM follows WHERE follower IN (SELECT value FROM json_each(?))",
        "DELETE FROM follows WHERE target IN (SELECT value FROM json_each(?))",
        "DELETE FROM home_entries WHERE share IS NULL AND post IN (SELECT id FROM posts"
        " WHERE author IN (SELECT value FROM json_each(?)))",
        "DELETE FROM boosts WHERE actor IN (SELECT value FROM json_each(?))",
        "DELETE FROM favourites WHERE actor IN (SELECT value FROM json_each(?))",
        "DELETE FROM notifications WHERE actor IN (SELECT value FROM json_each(?))"
        " AND type NOT IN ('mention', 'status')",
        "DELETE FROM collection_members WHERE actor IN (SELECT value FROM json_each(?))"
        " AND state <> 'banned' AND EXISTS (SELECT 1 FROM collections co"
        " WHERE co.id = collection_members.collection AND co.kind = 'members')",
    ):
        writer.execute(statement, actors)
    for (follower,) in followers:
        writer.after_commit(FOLLOWED, str(follower))
