"""Blocks on signing up: by e-mail provider or address, by name, by network."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from json import dumps
from typing import Literal, get_args

from storage.engine.clock import milliseconds, moment, optional_moment
from storage.engine.errors import Conflict
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Row, Writer

NETWORKS = "networks"  # which networks are kept out: whoever remembers them asks again
Severity = Literal["sign_up_requires_approval", "sign_up_block", "no_access"]
SEVERITIES: tuple[Severity, ...] = get_args(Severity)


# ---- e-mail ----


@dataclass(frozen=True, slots=True)
class EmailBlock:
    """A provider (`domain`, subdomains included) or one address (`hash`)."""

    id: int
    domain: str | None
    hash: str | None
    created_at: datetime


def canonical_hash(email: str) -> str:
    """The hash of an address as others in this field make it: no case, dots or +tags before @."""
    user, _, domain = email.strip().lower().rpartition("@")
    return sha256(f"{user.partition('+')[0].replace('.', '')}@{domain}".encode()).hexdigest()


_DOMAINS = "domain IS NOT NULL"
_HASHES = "hash IS NOT NULL"


def email_page(reader: Reader, page: Page, *, hashes: bool = False) -> list[EmailBlock]:
    """Page of blocked providers, or of single addresses; newest first."""
    kind = _HASHES if hashes else _DOMAINS
    rows = reader.named(
        "SELECT id, domain, hash, created_at FROM email_blocks"
        f" WHERE {kind} AND id < :below AND id > :above ORDER BY id {page.order} LIMIT :limit",
        page.values,
    )
    return sorted((_email(row) for row in rows), key=lambda one: -one.id)


def _email(row: Row) -> EmailBlock:
    return EmailBlock(row[0], row[1], row[2], moment(row[3]))


def email_by_id(reader: Reader, id_: int) -> EmailBlock | None:
    row = reader.row("SELECT id, domain, hash, created_at FROM email_blocks WHERE id = ?", id_)
    return _email(row) if row else None


def emails_by_hash(reader: Reader, hash_: str) -> list[EmailBlock]:
    rows = reader.rows(
        "SELECT id, domain, hash, created_at FROM email_blocks WHERE hash = ?", hash_
    )
    return [_email(row) for row in rows]


def block_email(writer: Writer, *, domain: str | None = None, hash_: str | None = None) -> int:
    """Return its number. Raises Conflict("domain") or Conflict("hash") for one that is there."""
    id_ = writer.new_id()
    new = writer.execute(
        "INSERT INTO email_blocks (id, domain, hash, created_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        id_,
        domain,
        hash_,
        writer.now_ms,
    )
    if not new:
        raise Conflict("domain" if domain else "hash")
    return id_


def unblock_email(writer: Writer, id_: int) -> bool:
    return bool(writer.execute("DELETE FROM email_blocks WHERE id = ?", id_))


def is_email_blocked(reader: Reader, email: str, names: Iterable[str]) -> bool:
    """`names`: the provider's domain and what is above it."""
    row = reader.row(
        "SELECT 1 FROM email_blocks WHERE hash = ?"
        " OR domain IN (SELECT value FROM json_each(?)) LIMIT 1",
        canonical_hash(email),
        dumps(list(names)),
    )
    return row is not None


# ---- names ----


def block_name(writer: Writer, name: str, *, exact: bool) -> bool:
    """`exact` False: also as a part of a name. Return whether it is new."""
    new = writer.execute(
        "INSERT INTO name_blocks (id, name, exact, created_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (name) DO UPDATE SET exact = excluded.exact",
        writer.new_id(),
        name.lower(),
        exact,
        writer.now_ms,
    )
    return bool(new)


def unblock_name(writer: Writer, name: str) -> bool:
    return bool(writer.execute("DELETE FROM name_blocks WHERE name = ?", name.lower()))


def names(reader: Reader) -> list[tuple[str, bool]]:
    """(name, whether only that), in their order."""
    rows = reader.rows("SELECT name, exact FROM name_blocks ORDER BY name")
    return [(name, bool(exact)) for name, exact in rows]


def is_name_blocked(reader: Reader, name: str) -> bool:
    """Underscores do not make another name of it."""
    rows = reader.named(
        "SELECT 1 FROM name_blocks WHERE CASE exact WHEN 1 THEN lower(name) = :name"
        " ELSE instr(:name, lower(name)) > 0 OR instr(:plain, lower(name)) > 0 END",
        {"name": name.lower(), "plain": name.lower().replace("_", "")},
    )
    return bool(rows)


# ---- networks ----


@dataclass(frozen=True, slots=True)
class NetworkBlock:
    """`network` as ipaddress writes it, such as 192.0.2.0/24."""

    id: int
    network: str
    severity: Severity
    comment: str
    created_at: datetime
    expires_at: datetime | None


_COLUMNS = "id, network, severity, comment, created_at, expires_at"


def _network(row: Row) -> NetworkBlock:
    id_, network, severity, comment, created, expires = row
    return NetworkBlock(id_, network, severity, comment, moment(created), optional_moment(expires))


def network_page(reader: Reader, page: Page) -> list[NetworkBlock]:
    rows = reader.named(
        f"SELECT {_COLUMNS} FROM ip_blocks WHERE id < :below AND id > :above"
        f" ORDER BY id {page.order} LIMIT :limit",
        page.values,
    )
    return sorted((_network(row) for row in rows), key=lambda one: -one.id)


def networks(reader: Reader) -> list[NetworkBlock]:
    """Network blocks that hold now."""
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM ip_blocks WHERE expires_at IS NULL OR expires_at > ? ORDER BY id",
        reader.now_ms,
    )
    return [_network(row) for row in rows]


def network_by_id(reader: Reader, id_: int) -> NetworkBlock | None:
    row = reader.row(f"SELECT {_COLUMNS} FROM ip_blocks WHERE id = ?", id_)
    return _network(row) if row else None


def put_network(writer: Writer, block: NetworkBlock) -> None:
    """Add it, or change the one of that number. Raises Conflict("network")."""
    taken = writer.value("SELECT id FROM ip_blocks WHERE network = ?", block.network)
    if taken not in (None, block.id):
        raise Conflict("network")
    writer.execute(
        f"INSERT INTO ip_blocks ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE"
        " SET network = excluded.network, severity = excluded.severity,"
        " comment = excluded.comment, expires_at = excluded.expires_at",
        block.id,
        block.network,
        block.severity,
        block.comment,
        milliseconds(block.created_at),
        None if block.expires_at is None else milliseconds(block.expires_at),
    )
    writer.after_commit(NETWORKS)


def unblock_network(writer: Writer, id_: int) -> bool:
    writer.after_commit(NETWORKS)
    return bool(writer.execute("DELETE FROM ip_blocks WHERE id = ?", id_))
