"""Follows, asked for and accepted: who follows whom."""

from dataclasses import dataclass
from json import dumps
from typing import Literal, NamedTuple

from orjson import loads

from storage.engine.errors import Conflict
from storage.engine.ids import ActorId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Row, Writer

FollowState = Literal["pending", "accepted"]

FOLLOWED = "follow"


@dataclass(frozen=True, slots=True)
class Follow:
    """`state` is pending or accepted; the rest is what only the follower sees.

    `languages`: posts in others stay out of home; none: no matter.
    """

    id: int
    uri: str
    follower: ActorId
    target: ActorId
    state: FollowState
    reblogs: bool = True
    notify: bool = False
    languages: tuple[str, ...] = ()


COLUMNS = "id, uri, follower, target, state, reblogs, notify, languages"
_OF_FOLLOWS = "f.id, f.uri, f.follower, f.target, f.state, f.reblogs, f.notify, f.languages"


def _from_row(row: Row) -> Follow:
    id_, uri, follower, target, state, reblogs, notify, languages = row
    wanted = tuple(loads(languages))
    return Follow(id_, uri, follower, target, state, bool(reblogs), bool(notify), wanted)


def ask(writer: Writer, uri: str, follower: ActorId, target: ActorId) -> bool:
    """Return whether it is new; asked again, the earlier one keeps its state, under the new URI.

    Raises Conflict("uri") when they follow somebody else under that URI.
    """
    known = _target_of_id(writer, uri, follower)
    if known not in (None, target):
        raise Conflict("uri")
    new = writer.execute(
        "INSERT INTO follows (id, uri, follower, target, state, created_at)"
        " VALUES (?, ?, ?, ?, 'pending', ?) ON CONFLICT (follower, target) DO NOTHING",
        writer.new_id(),
        uri,
        follower,
        target,
        writer.now_ms,
    )
    if not new:
        writer.execute(
            "UPDATE follows SET uri = ? WHERE follower = ? AND target = ?",
            uri,
            follower,
            target,
        )
    return bool(new)


def _target_of_id(reader: Reader, uri: str, follower: ActorId) -> int | None:
    """Actor whom somebody follows, or asked to, by an id of theirs."""
    target: int | None = reader.value(
        "SELECT target FROM follows WHERE uri = ? AND follower = ?", uri, follower
    )
    return target


def accept(writer: Writer, follower: ActorId, target: ActorId) -> bool:
    """Return whether a pending one became accepted."""
    changed = writer.execute(
        "UPDATE follows SET state = 'accepted'"
        " WHERE follower = ? AND target = ? AND state = 'pending'",
        follower,
        target,
    )
    if changed:
        writer.after_commit(FOLLOWED, str(follower))
    return bool(changed)


def remove(writer: Writer, follower: ActorId, target: ActorId) -> bool:
    removed = writer.execute(
        "DELETE FROM follows WHERE follower = ? AND target = ?", follower, target
    )
    if removed:
        writer.after_commit(FOLLOWED, str(follower))
    return bool(removed)


Options = tuple[bool, bool, tuple[str, ...]]
"""With boosts, with notices of new posts, in which languages (none: in all)."""


def set_options(writer: Writer, follower: ActorId, target: ActorId, options: Options) -> None:
    reblogs, notify, languages = options
    writer.execute(
        "UPDATE follows SET reblogs = ?, notify = ?, languages = ?"
        " WHERE follower = ? AND target = ?",
        reblogs,
        notify,
        dumps(languages),
        follower,
        target,
    )


def between(reader: Reader, follower: ActorId, target: ActorId) -> Follow | None:
    row = reader.row(
        f"SELECT {COLUMNS} FROM follows WHERE follower = ? AND target = ?", follower, target
    )
    return _from_row(row) if row else None


def by_uri(reader: Reader, uri: str, of: int | None = None) -> Follow | None:
    """Follow by the id that its follower gave it; `of`: whoever follows there, or is followed."""
    row = reader.row(
        f"SELECT {COLUMNS} FROM follows WHERE uri = ?"
        " AND (follower = ifnull(?, follower) OR target = ?)",
        uri,
        of,
        of,
    )
    return _from_row(row) if row else None


def local_followers(reader: Reader, target: ActorId) -> list[Follow]:
    """Ours, accepted: whose home lists are to be filled."""
    rows = reader.rows(
        f"SELECT {_OF_FOLLOWS} FROM follows f JOIN actors w ON w.id = f.follower"
        " WHERE f.target = ? AND f.state = 'accepted' AND w.host = ''",
        target,
    )
    return [_from_row(row) for row in rows]


class LocalFollower(NamedTuple):
    """Follower of ours; `reblogs` and `notify` are 0 or 1, `languages` is JSON."""

    follower: ActorId
    reblogs: int
    notify: int
    languages: str

    def wants(self, language: str | None) -> bool:
        """Whether posts in it belong into their home; a dialect goes with its language."""
        if self.languages == "[]" or not language:
            return True
        spoken = language.lower()
        wanted = [one.lower() for one in loads(self.languages)]
        return spoken in wanted or spoken.partition("-")[0] in wanted


def local_follower_rows(reader: Reader, target: ActorId) -> list[LocalFollower]:
    """Rows of `local_followers`, with no more than it takes to bring them something."""
    rows = reader.gather_rows(
        "SELECT f.follower, f.reblogs, f.notify, f.languages FROM follows f"
        " JOIN actors w ON w.id = f.follower"
        " WHERE f.target = :target AND f.state = 'accepted' AND w.host = ''",
        {"target": target},
        width=len(LocalFollower._fields),
    )
    return list(map(LocalFollower._make, rows))


def with_ours(reader: Reader, actor: ActorId) -> list[Follow]:
    """Follows of ours by somebody, and of somebody by ours; asked for or accepted."""
    rows = reader.named(
        f"""
        SELECT {_OF_FOLLOWS} FROM follows f
        JOIN actors w ON w.id = f.target WHERE f.follower = :actor AND w.host = ''
        UNION ALL SELECT {_OF_FOLLOWS} FROM follows f
        JOIN actors w ON w.id = f.follower WHERE f.target = :actor AND w.host = ''
        """,
        {"actor": actor},
    )
    return [_from_row(row) for row in rows]


def inboxes(reader: Reader, target: ActorId) -> list[str]:
    """Inboxes of followers elsewhere: one for each server that has a shared one."""
    rows = reader.rows(
        """
        SELECT DISTINCT ifnull(w.shared_inbox, w.inbox) FROM follows f
        JOIN actors w ON w.id = f.follower
        WHERE f.target = ? AND f.state = 'accepted' AND w.host <> ''
        AND w.effective_state = 'active'
        """,
        target,
    )
    return [inbox for (inbox,) in rows]


def is_followed_here(reader: Reader, target: ActorId) -> bool:
    """Whether anybody of ours follows, or has asked to."""
    return (
        reader.row(
            "SELECT 1 FROM follows f JOIN actors w ON w.id = f.follower"
            " WHERE f.target = ? AND w.host = '' LIMIT 1",
            target,
        )
        is not None
    )


def page_of_followers(
    reader: Reader, target: ActorId, page: Page, state: FollowState = "accepted"
) -> list[tuple[int, ActorId]]:
    """(cursor, follower), newest first."""
    rows = reader.named(
        "SELECT f.id, f.follower FROM follows f JOIN actors w ON w.id = f.follower"
        " WHERE f.target = :target AND f.state = :state AND f.id < :below AND f.id > :above"
        f" AND w.effective_state = 'active' ORDER BY f.id {page.order} LIMIT :limit",
        {**page.values, "target": target, "state": state},
    )
    return sorted(((cursor, actor) for cursor, actor in rows), reverse=True)


def page_of_following(reader: Reader, follower: ActorId, page: Page) -> list[tuple[int, ActorId]]:
    """(cursor, followed), newest first."""
    rows = reader.named(
        f"""
        SELECT f.id, f.target FROM follows f JOIN actors w ON w.id = f.target
        WHERE f.follower = :follower AND f.state = 'accepted'
        AND f.id < :below AND f.id > :above AND w.effective_state = 'active'
        ORDER BY f.id {page.order} LIMIT :limit
        """,
        {**page.values, "follower": follower},
    )
    return sorted(((cursor, actor) for cursor, actor in rows), reverse=True)
