"""Which post quotes which, and whether the author of what is quoted consents (`approvals`)."""

from collections.abc import Sequence
from dataclasses import dataclass
from json import dumps

from storage.units import Reader, Row, Writer

QUOTED = "quoted"
APPROVED, PENDING, REJECTED, REVOKED = "approved", "pending", "rejected", "revoked"


@dataclass(frozen=True, slots=True)
class Quote:
    """`request` is the URI of the quoting post, `stamp` that of the consent; numbers of posts."""

    id: int
    stamp: str | None
    target: int
    actor: int
    request: str
    state: str


@dataclass(frozen=True, slots=True)
class Shown:
    """How a quote stands.

    `refused`: who is quoted blocks the quoter; `blocked`, `muted`: by the viewer.
    """

    state: str
    target: int
    deleted: bool
    refused: bool
    blocked: bool
    muted: bool


_COLUMNS = "id, uri, target, actor, request, state"


def _from_row(row: Row | None) -> Quote | None:
    return Quote(*row) if row else None


def keep(
    writer: Writer, *, stamp: str | None, target: int, actor: int, request: str, state: str
) -> None:
    """Of a quoting post there is one; what was decided of it before stays."""
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


def approve(writer: Writer, *, stamp: str, target: int, actor: int, request: str) -> None:
    """One of ours consents, by a stamp of ours; said again, the first stamp stays."""
    writer.execute(
        "INSERT INTO approvals (id, uri, kind, target, actor, request, state, decided_at)"
        " VALUES (?, ?, 'quote', ?, ?, ?, 'approved', ?) ON CONFLICT (target, kind, request)"
        " DO UPDATE SET uri = ifnull(uri, excluded.uri), state = 'approved',"
        " decided_at = excluded.decided_at WHERE state <> 'revoked'",
        writer.new_id(),
        stamp,
        target,
        actor,
        request,
        writer.now_ms,
    )


def decide(writer: Writer, id_: int, state: str) -> None:
    writer.execute(
        "UPDATE approvals SET state = ?, decided_at = ? WHERE id = ?", state, writer.now_ms, id_
    )


def forget(writer: Writer, request: str) -> None:
    writer.execute("DELETE FROM approvals WHERE request = ? AND kind = 'quote'", request)


def by_stamp(reader: Reader, uri: str) -> Quote | None:
    return _from_row(
        reader.row(f"SELECT {_COLUMNS} FROM approvals WHERE uri = ? AND kind = 'quote'", uri)
    )


def by_request(reader: Reader, uri: str) -> Quote | None:
    return _from_row(
        reader.row(f"SELECT {_COLUMNS} FROM approvals WHERE request = ? AND kind = 'quote'", uri)
    )


def next_unchecked(reader: Reader) -> Quote | None:
    """One whose stamp nobody has looked at yet."""
    return _from_row(
        reader.row(
            f"SELECT {_COLUMNS} FROM approvals WHERE state = 'pending' AND decided_at IS NULL"
            " AND uri IS NOT NULL AND kind = 'quote' ORDER BY id LIMIT 1"
        )
    )


def shown(reader: Reader, posts: Sequence[int], viewer: int) -> dict[int, Shown]:
    """By the number of the quoting post, for those whose quoted post is known here.

    `viewer` is a member, or 0.
    """
    rows = reader.rows(
        "SELECT p.id, q.state, q.target, o.deleted_at IS NOT NULL,"
        " EXISTS (SELECT 1 FROM blocks b WHERE b.actor = o.author AND b.target = p.author),"
        " EXISTS (SELECT 1 FROM blocks b WHERE b.actor = ?2 AND b.target = o.author),"
        " EXISTS (SELECT 1 FROM mutes m WHERE m.actor = ?2 AND m.target = o.author"
        " AND (m.expires_at IS NULL OR m.expires_at > ?3))"
        " FROM json_each(?1) n CROSS JOIN posts p ON p.id = n.value"
        " CROSS JOIN approvals q ON q.request = p.uri AND q.kind = 'quote'"
        " JOIN posts o ON o.id = q.target AND o.uri = p.quoted",
        dumps(list(posts)),
        viewer,
        reader.now_ms,
    )
    return {row[0]: Shown(row[1], row[2], *map(bool, row[3:])) for row in rows}
