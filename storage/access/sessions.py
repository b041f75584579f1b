"""Browsers in which somebody is logged in, links to set a new password, and invitations.

Places are browsers and networks from which somebody has logged in before.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.access.accounts import ACCESS
from storage.access.oauth import hash_secret
from storage.engine.clock import milliseconds, moment, optional_moment
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Row, Writer

LASTS = timedelta(days=60)
MOST_PLACES = 50  # that are remembered of one account


@dataclass(frozen=True, slots=True)
class Session:
    """`agent` is what the browser calls itself; `address` a network, /24 or /64.

    `proven_at`: when a password or another factor was last given.
    """

    id: int
    account: ActorId
    agent: str
    created_at: datetime
    last_used_at: datetime
    address: str = ""
    proven_at: datetime | None = None


_COLUMNS = "id, account, agent, created_at, last_used_at, address, proven_at"


def _from_row(row: Row) -> Session:
    id_, account, agent, created, used_at, address, proven = row
    return Session(
        id_, account, agent, moment(created), moment(used_at), address, optional_moment(proven)
    )


def start(writer: Writer, secret: str, account: ActorId, agent: str, address: str = "") -> int:
    """Start a session for somebody who has just proved who they are."""
    id_ = writer.new_id()
    writer.execute_named(
        "INSERT INTO sessions (id, hash, account, agent, created_at, last_used_at, address,"
        " proven_at) VALUES (:id, :hash, :account, :agent, :now, :now, :address, :now)",
        {
            "id": id_,
            "hash": hash_secret(secret),
            "account": account,
            "agent": agent,
            "now": writer.now_ms,
            "address": address,
        },
    )
    return id_


def find(reader: Reader, secret: str) -> Session | None:
    row = reader.row(
        f"SELECT {_COLUMNS} FROM sessions WHERE hash = ? AND last_used_at > ?",
        hash_secret(secret),
        milliseconds(reader.now - LASTS),
    )
    return _from_row(row) if row else None


def of_account(reader: Reader, account: ActorId) -> list[Session]:
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM sessions WHERE account = ? ORDER BY last_used_at DESC", account
    )
    return [_from_row(row) for row in rows]


def record_use(writer: Writer, id_: int) -> None:
    writer.execute("UPDATE sessions SET last_used_at = ? WHERE id = ?", writer.now_ms, id_)


def prove(writer: Writer, id_: int) -> None:
    """A password or another factor was given once more."""
    writer.execute("UPDATE sessions SET proven_at = ? WHERE id = ?", writer.now_ms, id_)


def end(writer: Writer, id_: int, account: ActorId) -> bool:
    writer.after_commit(ACCESS, str(account))
    return bool(writer.execute("DELETE FROM sessions WHERE id = ? AND account = ?", id_, account))


def end_all(writer: Writer, account: ActorId, but: int = 0) -> None:
    writer.execute("DELETE FROM sessions WHERE account = ? AND id <> ?", account, but)
    writer.after_commit(ACCESS, str(account))


# ---- places ----


def know_place(writer: Writer, account: ActorId, hash_: str) -> bool:
    """Whether it is new, beside others that are known: the first place of all is not."""
    seen = writer.execute(
        "UPDATE known_places SET last_seen = ? WHERE account = ? AND hash = ?",
        writer.now_ms,
        account,
        hash_,
    )
    if seen:
        return False
    others = writer.row("SELECT 1 FROM known_places WHERE account = ? LIMIT 1", account)
    writer.execute(
        "INSERT INTO known_places (account, hash, last_seen) VALUES (?, ?, ?)",
        account,
        hash_,
        writer.now_ms,
    )
    writer.execute_named(
        "DELETE FROM known_places WHERE account = :account AND hash IN"
        " (SELECT hash FROM known_places WHERE account = :account"
        " ORDER BY last_seen DESC LIMIT -1 OFFSET :most)",
        {"account": account, "most": MOST_PLACES},
    )
    return others is not None


# ---- links to set a new password ----


def offer_reset(writer: Writer, secret: str, account: ActorId, lasting: timedelta) -> None:
    writer.execute("DELETE FROM resets WHERE account = ?", account)
    writer.execute(
        "INSERT INTO resets (hash, account, expires_at) VALUES (?, ?, ?)",
        hash_secret(secret),
        account,
        milliseconds(writer.now + lasting),
    )


def reset_of(reader: Reader, secret: str) -> ActorId | None:
    """Account whose reset link it is, while it may be used."""
    account: ActorId | None = reader.value(
        "SELECT account FROM resets WHERE hash = ? AND expires_at > ?",
        hash_secret(secret),
        reader.now_ms,
    )
    return account


def forget_links(writer: Writer, account: ActorId) -> None:
    """Delete the links in emails under way: for a new password, and for another address."""
    writer.execute("DELETE FROM resets WHERE account = ?", account)
    writer.execute("DELETE FROM confirmations WHERE account = ? AND purpose = 'change'", account)


# ---- invitations ----


def invite(
    writer: Writer, secret: str, sponsor: ActorId | None, most_uses: int, lasting: timedelta
) -> None:
    writer.execute(
        "INSERT INTO invitations (hash, sponsor, most_uses, expires_at) VALUES (?, ?, ?, ?)",
        hash_secret(secret),
        sponsor,
        most_uses,
        milliseconds(writer.now + lasting),
    )


def open_invitations(reader: Reader, sponsor: ActorId) -> int:
    """Number of links of somebody that can still be used."""
    count: int = reader.value(
        "SELECT count(*) FROM invitations WHERE sponsor = ? AND uses < most_uses"
        " AND expires_at > ?",
        sponsor,
        reader.now_ms,
    )
    return count


def use_invitation(writer: Writer, secret: str) -> tuple[bool, ActorId | None]:
    """Count one use; return whether it was good, and who invites."""
    rows = writer.rows(
        "UPDATE invitations SET uses = uses + 1 WHERE hash = ? AND uses < most_uses"
        " AND expires_at > ? RETURNING sponsor",
        hash_secret(secret),
        writer.now_ms,
    )
    return (True, rows[0][0]) if rows else (False, None)
