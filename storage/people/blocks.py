"""Blocks (others may notice) and mutes (nobody does): who has set which against whom."""

from dataclasses import dataclass
from datetime import datetime

from storage.engine.clock import milliseconds, optional_moment
from storage.engine.ids import ActorId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer


def add(writer: Writer, uri: str, actor: ActorId, target: ActorId) -> bool:
    new = writer.execute(
        "INSERT INTO blocks (id, uri, actor, target, created_at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        writer.new_id(),
        uri,
        actor,
        target,
        writer.now_ms,
    )
    return bool(new)


def remove(writer: Writer, actor: ActorId, target: ActorId) -> bool:
    return bool(writer.execute("DELETE FROM blocks WHERE actor = ? AND target = ?", actor, target))


def uri_of(reader: Reader, actor: ActorId, target: ActorId) -> str | None:
    uri: str | None = reader.value(
        "SELECT uri FROM blocks WHERE actor = ? AND target = ?", actor, target
    )
    return uri


def by_uri(reader: Reader, uri: str, by: ActorId | None = None) -> tuple[ActorId, ActorId] | None:
    """(actor, target) of a block; of others several may have one id, each is its actor's."""
    row = reader.row(
        "SELECT actor, target FROM blocks WHERE uri = ? AND actor = ifnull(?, actor)", uri, by
    )
    return (row[0], row[1]) if row else None


def exists(reader: Reader, actor: ActorId, target: ActorId) -> bool:
    return uri_of(reader, actor, target) is not None


def either(reader: Reader, one: ActorId, other: ActorId) -> bool:
    return exists(reader, one, other) or exists(reader, other, one)


def page_of(reader: Reader, actor: ActorId, page: Page) -> list[tuple[int, ActorId]]:
    """(cursor, blocked), newest first."""
    rows = reader.named(
        "SELECT id, target FROM blocks WHERE actor = :actor AND id < :below AND id > :above"
        f" ORDER BY id {page.order} LIMIT :limit",
        {**page.values, "actor": actor},
    )
    return sorted(((cursor, target) for cursor, target in rows), reverse=True)


@dataclass(frozen=True, slots=True)
class Mute:
    """`expires_at` None: until it is taken back."""

    target: ActorId
    notifications: bool
    expires_at: datetime | None
    cursor: int = 0


def mute(writer: Writer, actor: ActorId, wanted: Mute) -> None:
    until = wanted.expires_at
    writer.execute(
        "INSERT INTO mutes (id, actor, target, notifications, expires_at, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (actor, target) DO UPDATE"
        " SET notifications = excluded.notifications, expires_at = excluded.expires_at",
        writer.new_id(),
        actor,
        wanted.target,
        wanted.notifications,
        None if until is None else milliseconds(until),
        writer.now_ms,
    )


def unmute(writer: Writer, actor: ActorId, target: ActorId) -> None:
    writer.execute("DELETE FROM mutes WHERE actor = ? AND target = ?", actor, target)


def mutes(reader: Reader, actor: ActorId, target: ActorId) -> bool:
    """Whether there is a mute, over or not."""
    row = reader.row("SELECT 1 FROM mutes WHERE actor = ? AND target = ?", actor, target)
    return row is not None


def find_mute(reader: Reader, actor: ActorId, target: ActorId) -> Mute | None:
    row = reader.row(
        "SELECT target, notifications, expires_at, id FROM mutes WHERE actor = ? AND target = ?"
        " AND (expires_at IS NULL OR expires_at > ?)",
        actor,
        target,
        reader.now_ms,
    )
    return Mute(row[0], bool(row[1]), optional_moment(row[2]), row[3]) if row else None


def page_of_mutes(reader: Reader, actor: ActorId, page: Page) -> list[Mute]:
    rows = reader.named(
        "SELECT target, notifications, expires_at, id FROM mutes WHERE actor = :actor"
        " AND (expires_at IS NULL OR expires_at > :now) AND id < :below AND id > :above"
        f" ORDER BY id {page.order} LIMIT :limit",
        {**page.values, "actor": actor, "now": reader.now_ms},
    )
    found = [Mute(t, bool(n), optional_moment(e), i) for t, n, e, i in rows]
    return sorted(found, key=lambda one: -one.cursor)


def blocked_or_muted(reader: Reader, actor: ActorId) -> frozenset[ActorId]:
    """Actors whom somebody blocks or mutes, now."""
    rows = reader.named(
        "SELECT target FROM blocks WHERE actor = :actor UNION SELECT target FROM mutes"
        " WHERE actor = :actor AND (expires_at IS NULL OR expires_at > :now)",
        {"actor": actor, "now": reader.now_ms},
    )
    return frozenset(target for (target,) in rows)
