"""Factors besides a password: an app with codes (TOTP), recovery codes, passkeys."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from storage.access.oauth import hash_secret
from storage.engine.clock import moment, optional_moment
from storage.engine.errors import Conflict
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Row, Writer


@dataclass(frozen=True, slots=True)
class Totp:
    """`sealed` is the secret as the server sealed it; in force once it is confirmed."""

    sealed: bytes = field(repr=False)
    confirmed_at: datetime | None
    last_step: int


def totp(reader: Reader, account: ActorId) -> Totp | None:
    row = reader.row("SELECT sealed, confirmed_at, last_step FROM totp WHERE account = ?", account)
    return Totp(row[0], optional_moment(row[1]), row[2]) if row else None


def begin_totp(writer: Writer, account: ActorId, sealed: bytes) -> bool:
    """Begin in place of one begun before; return whether none is in force yet."""
    changed = writer.execute(
        "INSERT INTO totp (account, sealed) VALUES (?, ?)"
        " ON CONFLICT (account) DO UPDATE SET sealed = excluded.sealed WHERE confirmed_at IS NULL",
        account,
        sealed,
    )
    return bool(changed)


def confirm_totp(writer: Writer, account: ActorId, step: int) -> bool:
    """Confirm: from now on it is asked for; return whether it was not before."""
    changed = writer.execute(
        "UPDATE totp SET confirmed_at = ?, last_step = ?"
        " WHERE account = ? AND confirmed_at IS NULL",
        writer.now_ms,
        step,
        account,
    )
    return bool(changed)


def use_step(writer: Writer, account: ActorId, step: int) -> bool:
    """A code counts once, and no earlier one after it (RFC 6238 §5.2)."""
    changed = writer.execute_named(
        "UPDATE totp SET last_step = :step WHERE account = :account AND last_step < :step",
        {"step": step, "account": account},
    )
    return bool(changed)


def end_totp(writer: Writer, account: ActorId) -> None:
    writer.execute("DELETE FROM totp WHERE account = ?", account)
    writer.execute("DELETE FROM recovery_codes WHERE account = ?", account)


# ---- recovery codes ----


def set_recovery_codes(writer: Writer, account: ActorId, codes: Iterable[str]) -> None:
    """Set codes in place of all earlier ones."""
    writer.execute("DELETE FROM recovery_codes WHERE account = ?", account)
    writer.execute_many(
        "INSERT INTO recovery_codes (account, hash) VALUES (?, ?)",
        [(account, hash_secret(code)) for code in codes],
    )


def use_recovery_code(writer: Writer, account: ActorId, code: str) -> bool:
    changed = writer.execute(
        "UPDATE recovery_codes SET used_at = ? WHERE account = ? AND hash = ? AND used_at IS NULL",
        writer.now_ms,
        account,
        hash_secret(code),
    )
    return bool(changed)


def recovery_codes_left(reader: Reader, account: ActorId) -> int:
    left: int = reader.value(
        "SELECT count(*) FROM recovery_codes WHERE account = ? AND used_at IS NULL", account
    )
    return left


# ---- passkeys ----


@dataclass(frozen=True, slots=True)
class Passkey:
    """A credential (WebAuthn). `public_key` is COSE; `sign_count` as it last said."""

    id: int
    account: ActorId
    credential_id: bytes
    public_key: bytes
    sign_count: int
    name: str
    created_at: datetime
    last_used_at: datetime | None = None


_PASSKEY = "id, account, credential_id, public_key, sign_count, name, created_at, last_used_at"


def _passkey(row: Row) -> Passkey:
    id_, account, credential_id, public_key, count, name, created, used = row
    return Passkey(
        id_,
        account,
        credential_id,
        public_key,
        count,
        name,
        moment(created),
        optional_moment(used),
    )


def add_passkey(
    writer: Writer, account: ActorId, credential_id: bytes, public_key: bytes, count: int, name: str
) -> None:
    """Raise Conflict("passkey") when somebody has it already."""
    try:
        writer.execute(
            "INSERT INTO passkeys (id, account, credential_id, public_key, sign_count, name,"
            " created_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
            writer.new_id(),
            account,
            credential_id,
            public_key,
            count,
            name,
            writer.now_ms,
        )
    except sqlite3.IntegrityError as error:
        raise Conflict("passkey") from error


def passkey(reader: Reader, credential_id: bytes) -> Passkey | None:
    row = reader.row(f"SELECT {_PASSKEY} FROM passkeys WHERE credential_id = ?", credential_id)
    return _passkey(row) if row else None


def passkeys_of(reader: Reader, account: ActorId) -> list[Passkey]:
    rows = reader.rows(f"SELECT {_PASSKEY} FROM passkeys WHERE account = ? ORDER BY id", account)
    return [_passkey(row) for row in rows]


def passkey_used(writer: Writer, id_: int, count: int) -> None:
    writer.execute(
        "UPDATE passkeys SET sign_count = ?, last_used_at = ? WHERE id = ?",
        count,
        writer.now_ms,
        id_,
    )


def remove_passkey(writer: Writer, id_: int, account: ActorId) -> bool:
    return bool(writer.execute("DELETE FROM passkeys WHERE id = ? AND account = ?", id_, account))


def forget_all(writer: Writer, account: ActorId) -> None:
    """Delete everything of this module, when an account ends or its owner lost it all."""
    end_totp(writer, account)
    writer.execute("DELETE FROM passkeys WHERE account = ?", account)
