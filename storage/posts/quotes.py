"""Quotes: which post quotes which, and whether the quoted author consents (`approvals`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from json import dumps
from typing import Final, Literal

from storage.engine.clock import milliseconds
from storage.engine.ids import ActorId, PostId
from storage.engine.transaction import Reader, Row, Writer
from storage.people.hidden_accounts import HOST_NOT_HIDDEN

QUOTED = "quoted"
QuoteState = Literal["pending", "approved", "rejected", "revoked"]
APPROVED: Final = "approved"
PENDING: Final = "pending"
REJECTED: Final = "rejected"
REVOKED: Final = "revoked"


@dataclass(frozen=True, slots=True)
class Quote:
    """`request` is the URI of the quoting post, `stamp` that of the consent; numbers of posts.

    `attempts` to have the stamp failed.
    """

    id: int
    stamp: str | None
    target: PostId
    actor: ActorId
    request: str
    state: QuoteState
    attempts: int = 0


@dataclass(frozen=True, slots=True)
class Shown:
    """State of a quote.

    `refused`: who is quoted blocks the quoter; the rest: by the viewer.
    """

    state: QuoteState
    target: PostId
    deleted: bool
    refused: bool
    blocked: bool
    host_blocked: bool
    muted: bool


_COLUMNS = "id, uri, target, actor, request, state, attempts"


def _from_row(row: Row | None) -> Quote | None:
    return Quote(*row) if row else None


def keep(
    writer: Writer,
    *,
    stamp: str | None,
    target: int,
    actor: ActorId,
    request: str,
    state: QuoteState,
) -> None:
    """Keep a quote; of a quoting post there is one, and what was decided of it before stays."""
    decided = None if state == PENDING else writer.now_ms
    writer.execute(
        "INSERT INTO approvals (id, uri, kind, target, actor, request, state, decided_at)"
        " VALUES (?, ?, 'quote', ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        writer.new_id(),
        stamp,
        target,
        actor,
        request,
        state,
        decided,
    )
    writer.after_commit(QUOTED, request)


def approve(writer: Writer, *, stamp: str, target: int, actor: ActorId, request: str) -> None:
    """Record consent of one of ours, by a stamp of ours; said again, the first stamp stays."""
    writer.execute(
        """
        INSERT INTO approvals (id, uri, kind, target, actor, request, state, decided_at)
        VALUES (?, ?, 'quote', ?, ?, ?, 'approved', ?) ON CONFLICT (target, kind, request)
        DO UPDATE SET uri = ifnull(uri, excluded.uri), state = 'approved',
        decided_at = excluded.decided_at WHERE state <> 'revoked'
        """,
        writer.new_id(),
        stamp,
        target,
        actor,
        request,
        writer.now_ms,
    )


def decide(writer: Writer, id_: int, state: QuoteState) -> None:
    writer.execute(
        "UPDATE approvals SET state = ?, decided_at = ? WHERE id = ?", state, writer.now_ms, id_
    )


def wait(writer: Writer, id_: int, pause: timedelta) -> None:
    """The stamp could not be had; it is asked for again."""
    writer.execute(
        "UPDATE approvals SET attempts = attempts + 1, due = ? WHERE id = ?",
        milliseconds(writer.now + pause),
        id_,
    )


def stamp(writer: Writer, id_: int, uri: str) -> None:
    """A consent that was given by saying nothing gets an address, so that it can be taken back."""
    writer.execute("UPDATE approvals SET uri = ? WHERE id = ? AND uri IS NULL", uri, id_)


def forget(writer: Writer, request: str) -> None:
    """Delete a quote unless it was taken back: quoting another post in between regains nothing."""
    writer.execute(
        "DELETE FROM approvals WHERE request = ? AND kind = 'quote' AND state <> 'revoked'", request
    )


def forget_of_others(writer: Writer, request: str, author: ActorId) -> None:
    """Delete requests by anybody but its author, made for a post before it was known here."""
    writer.execute(
        "DELETE FROM approvals WHERE request = ? AND kind = 'quote' AND actor <> ?",
        request,
        author,
    )


def by_stamp(reader: Reader, uri: str) -> Quote | None:
    """Quote stamped so. Several may say it of themselves: one that was seen to be goes first."""
    return next(iter(all_by_stamp(reader, uri)), None)


def all_by_stamp(reader: Reader, uri: str) -> list[Quote]:
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM approvals WHERE uri = ? AND kind = 'quote'"
        " ORDER BY state <> 'approved', state <> 'revoked', id",
        uri,
    )
    return [Quote(*row) for row in rows]


def by_request(reader: Reader, uri: str, target: int) -> Quote | None:
    return _from_row(
        reader.row(
            f"SELECT {_COLUMNS} FROM approvals WHERE request = ? AND kind = 'quote' AND target = ?",
            uri,
            target,
        )
    )


def list_unchecked(reader: Reader, most: int) -> list[Quote]:
    """Quotes with a stamp that nobody has seen yet, and for which it is time; longest due first."""
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM approvals WHERE state = 'pending' AND decided_at IS NULL"
        " AND uri IS NOT NULL AND kind = 'quote' AND due <= ? ORDER BY due, id LIMIT ?",
        reader.now_ms,
        most,
    )
    return [found for row in rows if (found := _from_row(row)) is not None]


def find_many(reader: Reader, posts: Sequence[PostId], viewer: ActorId) -> dict[PostId, Shown]:
    """Quotes by the number of the quoting post, of those whose quoted post is known here.

    `viewer` is a member, or 0.
    """
    rows = reader.named(
        f"""
        SELECT p.id, q.state, q.target, o.deleted_at IS NOT NULL,
        EXISTS (SELECT 1 FROM blocks b WHERE b.actor = o.author AND b.target = p.author),
        EXISTS (SELECT 1 FROM blocks b WHERE b.actor = :viewer AND b.target = o.author),
        NOT {HOST_NOT_HIDDEN},
        EXISTS (SELECT 1 FROM mutes m WHERE m.actor = :viewer AND m.target = o.author
        AND (m.expires_at IS NULL OR m.expires_at > :now))
        FROM json_each(:posts) j CROSS JOIN posts p ON p.id = j.value CROSS JOIN approvals q
        ON q.request = p.uri AND q.kind = 'quote' AND +q.actor = p.author
        JOIN posts o ON o.id = q.target AND o.uri = p.quoted JOIN actors w ON w.id = o.author
        """,
        {"posts": dumps(list(posts)), "viewer": viewer, "now": reader.now_ms},
    )
    return {row[0]: Shown(row[1], row[2], *map(bool, row[3:])) for row in rows}
