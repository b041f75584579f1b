"""Begun and not finished: a log-in that waits for its second step, a passkey's ceremony.

Only the browser that began one has its secret, in a cookie; here lies the hash.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from json import dumps
from typing import Any

from orjson import loads

from storage.access.oauth import hash_secret
from storage.engine.clock import milliseconds
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Row, Writer

MOST = 10_000  # of a kind; what ends first makes room (SECURITY 48)
MOST_OF_ACCOUNT = 20  # of a kind, too, so that nobody takes the room of the others


@dataclass(frozen=True, slots=True)
class Challenge:
    """`account` None: nobody has said yet who they are. `attempts` as counted so far."""

    account: ActorId | None
    detail: Mapping[str, Any]
    attempts: int


def _from_row(row: Row) -> Challenge:
    account, detail, attempts = row
    return Challenge(account, loads(detail), attempts)


def begin(
    writer: Writer,
    secret: str,
    kind: str,
    lasting: timedelta,
    account: ActorId | None = None,
    detail: Mapping[str, Any] | None = None,
) -> None:
    writer.execute("DELETE FROM challenges WHERE expires_at <= ?", writer.now_ms)
    writer.execute(
        "DELETE FROM challenges WHERE hash IN (SELECT hash FROM challenges WHERE kind = ?"
        " ORDER BY expires_at DESC LIMIT -1 OFFSET ?)",
        kind,
        MOST - 1,
    )
    writer.execute(
        "DELETE FROM challenges WHERE hash IN (SELECT hash FROM challenges WHERE account = ?"
        " AND kind = ? ORDER BY expires_at DESC LIMIT -1 OFFSET ?)",
        account,
        kind,
        MOST_OF_ACCOUNT - 1,
    )
    writer.execute(
        "INSERT INTO challenges (hash, account, kind, detail, expires_at) VALUES (?, ?, ?, ?, ?)",
        hash_secret(secret),
        account,
        kind,
        dumps(dict(detail or {})),
        milliseconds(writer.now + lasting),
    )


def find(reader: Reader, secret: str, kind: str, most: int) -> Challenge | None:
    """Unless it has ended, or been attempted `most` times."""
    row = reader.row(
        "SELECT account, detail, attempts FROM challenges"
        " WHERE hash = ? AND kind = ? AND expires_at > ? AND attempts < ?",
        hash_secret(secret),
        kind,
        reader.now_ms,
        most,
    )
    return _from_row(row) if row else None


def attempt(writer: Writer, secret: str, kind: str, most: int) -> Challenge | None:
    """Find as `find`, and count. The caller's unit must not raise, or it was not counted."""
    rows = writer.rows(
        "UPDATE challenges SET attempts = attempts + 1"
        " WHERE hash = ? AND kind = ? AND expires_at > ? AND attempts < ?"
        " RETURNING account, detail, attempts",
        hash_secret(secret),
        kind,
        writer.now_ms,
        most,
    )
    return _from_row(rows[0]) if rows else None


def end(writer: Writer, secret: str) -> None:
    writer.execute("DELETE FROM challenges WHERE hash = ?", hash_secret(secret))


def end_all(writer: Writer, account: ActorId) -> None:
    """End every challenge of an account, begun by its owner or by somebody else in their name."""
    writer.execute("DELETE FROM challenges WHERE account = ?", account)
