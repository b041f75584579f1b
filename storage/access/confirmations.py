"""Addresses that are not shown to be somebody's yet, and the links that show it.

Purposes: `enter` (signs up and is in then), `ask` (signs up and goes on to the stewards), `change`
(a member who wants another address).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

from storage.access import accounts
from storage.access.oauth import hash_secret
from storage.access.signup_blocks import canonical_hash
from storage.engine.clock import milliseconds, optional_moment
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Row, Writer

Purpose = Literal["enter", "ask", "change"]

LASTS = timedelta(days=3)
DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """Confirmation of an address: how many `emails` went, and when the last was written."""

    account: ActorId
    email: str
    purpose: Purpose
    emails: int = 0
    sent_at: datetime | None = None


_COLUMNS = "account, email, purpose, letters, sent_at"


def _from_row(row: Row) -> Confirmation:
    account, email, purpose, emails, sent_at = row
    return Confirmation(account, email, purpose, emails, optional_moment(sent_at))


def begin(
    writer: Writer, account: ActorId, email: str, purpose: Purpose, invitation: str | None = None
) -> None:
    """Wait for the address to be confirmed, in place of an earlier one, whose link is void.

    `invitation` is the secret of one that was used for it. Emails to one mailbox stay counted.
    """
    writer.execute(
        """
        INSERT INTO confirmations (account, email, canonical, purpose, invitation, expires_at)
        VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (account) DO UPDATE SET email = excluded.email,
        letters = iif(canonical = excluded.canonical, letters, 0), hash = NULL,
        canonical = excluded.canonical, purpose = excluded.purpose,
        invitation = excluded.invitation, expires_at = excluded.expires_at
        """,
        account,
        email,
        canonical_hash(email),
        purpose,
        hash_secret(invitation) if invitation else None,
        milliseconds(writer.now + LASTS),
    )
    writer.after_commit(accounts.ACCESS, str(account))


def issue(writer: Writer, account: ActorId, secret: str) -> None:
    """An email goes: from now on its link has this secret, and none that was sent before."""
    writer.execute(
        "UPDATE confirmations SET hash = ?, letters = letters + 1, sent_at = ? WHERE account = ?",
        hash_secret(secret),
        writer.now_ms,
        account,
    )


def count_sent_today(reader: Reader, email: str) -> int:
    """Number of emails to that mailbox within a day, whoever gave the address."""
    sent: int = reader.value(
        "SELECT ifnull(sum(letters), 0) FROM confirmations WHERE canonical = ? AND sent_at > ?",
        canonical_hash(email),
        milliseconds(reader.now - DAY),
    )
    return sent


def of_account(reader: Reader, account: ActorId) -> Confirmation | None:
    """Confirmation that an account waits for, while its time lasts."""
    row = reader.row(
        f"SELECT {_COLUMNS} FROM confirmations WHERE account = ? AND expires_at > ?",
        account,
        reader.now_ms,
    )
    return _from_row(row) if row else None


def by_secret(reader: Reader, secret: str) -> Confirmation | None:
    """Confirmation that a link carries, while its time lasts."""
    row = reader.row(
        f"SELECT {_COLUMNS} FROM confirmations WHERE hash = ? AND expires_at > ?",
        hash_secret(secret),
        reader.now_ms,
    )
    return _from_row(row) if row else None


def end(writer: Writer, account: ActorId) -> None:
    writer.execute("DELETE FROM confirmations WHERE account = ?", account)
    writer.after_commit(accounts.ACCESS, str(account))


def run_out(reader: Reader, most: int) -> list[ActorId]:
    """Accounts that nobody confirmed in time, those who signed up only."""
    rows = reader.rows(
        "SELECT account FROM confirmations JOIN accounts ON actor = account"
        " WHERE expires_at <= ? AND purpose <> 'change' AND state = 'pending' LIMIT ?",
        reader.now_ms,
        most,
    )
    return [account for (account,) in rows]


def give_back(writer: Writer, account: ActorId) -> None:
    """The invitation that one of them used is good for somebody else."""
    writer.execute(
        "UPDATE invitations SET uses = uses - 1 WHERE uses > 0 AND hash ="
        " (SELECT invitation FROM confirmations WHERE account = ?)",
        account,
    )
