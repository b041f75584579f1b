"""People of ours who log in: password, role, state, settings."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from json import dumps
from typing import Literal, TypedDict

from orjson import loads

from storage.engine.clock import moment, optional_moment
from storage.engine.errors import Conflict
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Row, Writer

AccountState = Literal["pending", "active", "disabled", "deleted"]

Role = Literal["member", "steward", "admin"]

ACCESS = (
    "access"  # tokens or sessions changed: what was cached of an account, or one token, is void
)


class Preferences(TypedDict, total=False):
    """Defaults of a member who says nothing else in a post, and what their profile shows."""

    privacy: str
    sensitive: bool
    language: str | None
    quote_policy: str
    show_media: bool
    show_media_replies: bool
    show_featured: bool
    avatar_description: str
    header_description: str
    attribution_domains: list[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """`password` is an argon2id hash; `settings` are preferences by name.

    `frozen`: they may read and not act; the words that they were told. `unconfirmed`: who signed
    up and has not opened the link in our email.
    """

    actor: ActorId
    email: str
    password: str
    role: Role = "member"
    state: AccountState = "active"
    reason: str | None = None
    agreed_to: int | None = None
    invited_by: ActorId | None = None
    locale: str = "en"
    settings: Preferences
    created_at: datetime
    last_used_at: datetime | None = None
    frozen: str | None = None
    unconfirmed: bool = False


COLUMNS = (
    "actor, email, password, role, state, reason, agreed_to, invited_by, locale, settings,"
    " created_at, last_used_at, frozen, EXISTS (SELECT 1 FROM confirmations"
    " WHERE account = accounts.actor AND purpose <> 'change')"
)


def _from_row(row: Row) -> Account:
    values = dict(zip(Account.__dataclass_fields__, row, strict=True))
    values["settings"] = loads(values["settings"])
    values["created_at"] = moment(values["created_at"])
    values["last_used_at"] = optional_moment(values["last_used_at"])
    values["unconfirmed"] = bool(values["unconfirmed"])
    return Account(**values)


def add(writer: Writer, account: Account) -> None:
    """Raise Conflict("email") when the address has an account already."""
    try:
        writer.execute(
            "INSERT INTO accounts (actor, email, password, role, state, reason, agreed_to,"
            " invited_by, locale, settings, created_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            account.actor,
            account.email,
            account.password,
            account.role,
            account.state,
            account.reason,
            account.agreed_to,
            account.invited_by,
            account.locale,
            dumps(dict(account.settings)),
            writer.now_ms,
        )
    except sqlite3.IntegrityError as error:
        raise Conflict("email") from error


_BESIDE = " (taken "
_UNCONFIRMED = " (unconfirmed "


def by_email(reader: Reader, email: str) -> Account | None:
    row = reader.row(f"SELECT {COLUMNS} FROM accounts WHERE email = ?", email)
    return _from_row(row) if row else None


def has_email(reader: Reader, email: str) -> bool:
    return reader.row("SELECT 1 FROM accounts WHERE email = ?", email) is not None


def beside(email: str, number: int) -> str:
    """Address as it is kept of somebody who asks to join with one that belongs to a member.

    Nobody logs in with it, no email goes there, and only stewards read it (SECURITY 71).
    """
    return f"{email}{_BESIDE}{number})"


def is_beside(email: str) -> bool:
    return _BESIDE in email


def unconfirmed_address(email: str, number: int) -> str:
    """Address as it is kept while nobody has confirmed it: it keeps it from nobody else."""
    return f"{email}{_UNCONFIRMED}{number})"


def address(email: str) -> str:
    """Return the address as somebody typed it, out of an address as it is kept."""
    return email.partition(" (")[0]


def by_actor(reader: Reader, actor: ActorId) -> Account | None:
    row = reader.row(f"SELECT {COLUMNS} FROM accounts WHERE actor = ?", actor)
    return _from_row(row) if row else None


def many(reader: Reader, wanted: Iterable[ActorId]) -> dict[int, Account]:
    """Accounts by actor; those who do not log in here are not among them."""
    rows = reader.rows(
        f"SELECT {COLUMNS} FROM accounts WHERE actor IN (SELECT value FROM json_each(?))",
        dumps(sorted(set(wanted))),
    )
    return {row[0]: _from_row(row) for row in rows}


def by_login(reader: Reader, login: str) -> Account | None:
    """Find by e-mail address or by name."""
    found = by_email(reader, login.strip())
    if found is not None:
        return found
    row = reader.row(
        f"SELECT {COLUMNS} FROM accounts WHERE actor ="
        " (SELECT id FROM actors WHERE name = ? AND domain = '')",
        login.strip().removeprefix("@"),
    )
    return _from_row(row) if row else None


def everyone(reader: Reader, state: str | None = None) -> list[Account]:
    rows = reader.named(
        f"SELECT {COLUMNS} FROM accounts WHERE (:state IS NULL OR state = :state) ORDER BY actor",
        {"state": state},
    )
    return [_from_row(row) for row in rows]


def set_password(writer: Writer, actor: ActorId, password: str) -> None:
    writer.execute("UPDATE accounts SET password = ? WHERE actor = ?", password, actor)
    writer.after_commit(ACCESS, str(actor))


def set_email(writer: Writer, actor: ActorId, email: str) -> None:
    """Raise Conflict("email") when the address has an account already."""
    try:
        writer.execute("UPDATE accounts SET email = ? WHERE actor = ?", email, actor)
    except sqlite3.IntegrityError as error:
        raise Conflict("email") from error
    writer.after_commit(ACCESS, str(actor))


def set_state(writer: Writer, actor: ActorId, state: AccountState) -> None:
    writer.execute_named(
        "UPDATE accounts SET state = :state,"
        " approved_at = CASE WHEN :state = 'active' THEN ifnull(approved_at, :now)"
        " ELSE approved_at END WHERE actor = :actor",
        {"state": state, "now": writer.now_ms, "actor": actor},
    )
    writer.after_commit(ACCESS, str(actor))


def set_role(writer: Writer, actor: ActorId, role: str) -> None:
    writer.execute("UPDATE accounts SET role = ? WHERE actor = ?", role, actor)
    writer.after_commit(ACCESS, str(actor))


def set_settings(writer: Writer, actor: ActorId, settings: Preferences) -> None:
    """Add to the preferences; a name that is not given stays as it is."""
    writer.execute(
        "UPDATE accounts SET settings = json_patch(settings, ?) WHERE actor = ?",
        dumps(dict(settings)),
        actor,
    )
    writer.after_commit(ACCESS, str(actor))


def record_use(writer: Writer, actor: ActorId) -> None:
    writer.execute("UPDATE accounts SET last_used_at = ? WHERE actor = ?", writer.now_ms, actor)


def stewards(reader: Reader, *, at_work: bool = False) -> list[ActorId]:
    """Actors who look after the instance, admins first; `at_work`: whose role does not rest."""
    rows = reader.rows(
        "SELECT actor FROM accounts WHERE role IN ('admin', 'steward') AND state = 'active'"
        " AND (frozen IS NULL OR NOT ?) ORDER BY role <> 'admin', actor",
        at_work,
    )
    return [actor for (actor,) in rows]


def admins(reader: Reader) -> list[int]:
    rows = reader.rows(
        "SELECT actor FROM accounts WHERE role = 'admin' AND state = 'active' ORDER BY actor"
    )
    return [actor for (actor,) in rows]


def active_since(reader: Reader, since_ms: int) -> int:
    count: int = reader.value(
        "SELECT count(*) FROM accounts WHERE state = 'active' AND last_used_at >= ?", since_ms
    )
    return count
