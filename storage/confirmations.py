"""Addresses that are not shown to be somebody's yet, and the links that show it.

Purposes: `enter` (signs up and is in then), `ask` (signs up and goes on to the stewards), `change`
(a member who wants another address).
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from storage import accounts
from storage.apps import hashed
from storage.clock import milliseconds, optional_moment
from storage.units import Reader, Row, Writer

LASTS = timedelta(days=3)


@dataclass(frozen=True, slots=True)
class Confirmation:
    """`sent_at`: when its last letter was written, if one was."""

    account: int
    email: str
    purpose: str
    sent_at: datetime | None = None


_COLUMNS = "account, email, purpose, sent_at"


def _from_row(row: Row) -> Confirmation:
    account, email, purpose, sent_at = row
    return Confirmation(account, email, purpose, optional_moment(sent_at))


def begin(writer: Writer, account: int, email: str, purpose: str) -> None:
    """Wait for the address to be confirmed, in place of an earlier one; its link is void."""
    writer.execute(
        "INSERT OR REPLACE INTO confirmations (account, email, purpose, expires_at)"
        " VALUES (?, ?, ?, ?)",
        account,
        email,
        purpose,
        milliseconds(writer.now + LASTS),
    )
    writer.after_commit(accounts.ACCESS, str(account))


def issue(writer: Writer, account: int, secret: str) -> None:
    """From now on its link has this secret, and none that was sent before."""
    writer.execute(
        "UPDATE confirmations SET hash = ?, sent_at = ? WHERE account = ?",
        hashed(secret),
        writer.now_ms,
        account,
    )


def of_account(reader: Reader, account: int) -> Confirmation | None:
    """What is waited for, while its time lasts."""
    row = reader.row(
        f"SELECT {_COLUMNS} FROM confirmations WHERE account = ? AND expires_at > ?",
        account,
        reader.now_ms,
    )
    return _from_row(row) if row else None


def by_secret(reader: Reader, secret: str) -> Confirmation | None:
    """What a link confirms, while its time lasts."""
    row = reader.row(
        f"SELECT {_COLUMNS} FROM confirmations WHERE hash = ? AND expires_at > ?",
        hashed(secret),
        reader.now_ms,
    )
    return _from_row(row) if row else None


def end(writer: Writer, account: int) -> None:
    writer.execute("DELETE FROM confirmations WHERE account = ?", account)
    writer.after_commit(accounts.ACCESS, str(account))


def run_out(reader: Reader, most: int) -> list[int]:
    """Accounts that nobody confirmed in time, those who signed up only."""
    rows = reader.rows(
        "SELECT account FROM confirmations JOIN accounts ON actor = account"
        " WHERE expires_at <= ? AND purpose <> 'change' AND state = 'pending' LIMIT ?",
        reader.now_ms,
        most,
    )
    return [account for (account,) in rows]
