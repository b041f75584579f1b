"""Actors that we know: people, communities, helpers and servers, ours and others'."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from json import dumps
from typing import Literal

from orjson import loads

from storage.engine.clock import milliseconds, moment, optional_moment
from storage.engine.errors import Conflict
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Row, Writer

CHANGED = "actor"


@dataclass(frozen=True, slots=True)
class Field:
    """A line of a profile; `value` is safe HTML, `source` what a member of ours wrote."""

    name: str
    value: str
    source: str = ""
    verified_at: str | None = None


ActorState = Literal["pending", "active", "suspended", "deleted"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """Row of an actor. `domain` and `host` are '' for ours; `summary` is safe HTML.

    `moderation_state`, `silenced` and `sensitized` were decided here (storage/moderation); their
    own server says whether they are suspended there (`remote_suspended`); the job that follows a
    block says whether that server is blocked (`host_blocked`). `effective_state` comes of all.
    """

    id: ActorId
    uri: str
    type: str
    name: str
    domain: str = ""
    host: str = ""
    display_name: str = ""
    summary: str = ""
    summary_source: str | None = None
    fields: tuple[Field, ...] = ()
    url: str | None = None
    inbox: str = ""
    shared_inbox: str | None = None
    outbox: str | None = None
    followers: str | None = None
    following: str | None = None
    featured: str | None = None
    avatar: str | None = None
    header: str | None = None
    locked: bool = False
    bot: bool = False
    discoverable: bool = False
    indexable: bool = False
    hide_collections: bool = False
    access: str = "open"
    also_known_as: tuple[str, ...] = ()
    moved_to: str | None = None
    moderation_state: ActorState = "active"
    created_at: datetime = field(default=moment(0))
    fetched_at: datetime | None = None
    version: int = 1
    silenced: int = 0
    sensitized: bool = False
    remote_suspended: bool = False
    host_blocked: bool = False

    @property
    def effective_state(self) -> ActorState:
        """The same as the column of that name (migration 20): which of all three counts."""
        if self.moderation_state != "deleted" and (self.host_blocked or self.remote_suspended):
            return "suspended"
        return self.moderation_state

    @property
    def is_local(self) -> bool:
        return not self.host

    @property
    def acct(self) -> str:
        """`alice` for ours, `bob@away.example` for others."""
        return f"{self.name}@{self.domain}" if self.domain else self.name

    @property
    def inbox_for_many(self) -> str:
        return self.shared_inbox or self.inbox


COLUMNS = (
    "id, uri, type, name, domain, host, display_name, summary, summary_source, fields, url, inbox,"
    " shared_inbox, outbox, followers, following, featured, avatar, header, locked, bot,"
    " discoverable, indexable, hide_collections, access, also_known_as, moved_to,"
    " moderation_state, created_at, fetched_at, version, silenced, sensitized, remote_suspended,"
    " host_blocked"
)
PLACES = ", ".join("?" * (COLUMNS.count(",") + 1))


_FLAGS = (
    "locked",
    "bot",
    "discoverable",
    "indexable",
    "hide_collections",
    "sensitized",
    "remote_suspended",
    "host_blocked",
)


def as_active(actor: Actor) -> Actor:
    """The same as if nobody had decided anything: to show what is shown of somebody hidden."""
    return replace(actor, moderation_state="active", remote_suspended=False, host_blocked=False)


def from_row(row: Row) -> Actor:
    names = Actor.__dataclass_fields__
    values = dict(zip(names, row, strict=True))
    for name in _FLAGS:
        values[name] = bool(values[name])
    values["fields"] = tuple(Field(**entry) for entry in loads(values["fields"]))
    values["also_known_as"] = tuple(loads(values["also_known_as"]))
    values["created_at"] = moment(values["created_at"])
    values["fetched_at"] = optional_moment(values["fetched_at"])
    return Actor(**values)


def _values(actor: Actor) -> dict[str, object]:
    """Values of all columns as they are written."""
    fetched = actor.fetched_at
    return {name: getattr(actor, name) for name in Actor.__dataclass_fields__} | {
        "fields": dumps(
            [
                {"name": f.name, "value": f.value, "source": f.source, "verified_at": f.verified_at}
                for f in actor.fields
            ]
        ),
        "also_known_as": dumps(actor.also_known_as),
        "created_at": milliseconds(actor.created_at),
        "fetched_at": None if fetched is None else milliseconds(fetched),
    }


def add(writer: Writer, actor: Actor) -> None:
    """Raise Conflict("name") when the handle is taken, Conflict("uri") when the URI is."""
    try:
        writer.execute(
            f"INSERT INTO actors ({COLUMNS}) VALUES ({PLACES})", *_values(actor).values()
        )
    except sqlite3.IntegrityError as error:
        raise Conflict("uri" if "actors.uri" in str(error) else "name") from error


_DECIDED = {
    "moderation_state",
    "silenced",
    "sensitized",
    "remote_suspended",
    "host_blocked",
}  # by us, never by what a document says
_FIXED = {"id", "uri", "type", "name", "domain", "host", "created_at", "version"}
UPDATED = [name for name in Actor.__dataclass_fields__ if name not in _FIXED | _DECIDED]
ASSIGNMENTS = ", ".join(f"{name} = ?" for name in UPDATED)


def update(writer: Writer, actor: Actor) -> None:
    """Write what may change; id, URI, handle and type stay as they are."""
    values = _values(actor)
    writer.execute(
        f"UPDATE actors SET {ASSIGNMENTS}, version = version + 1 WHERE id = ?",
        *(values[name] for name in UPDATED),
        actor.id,
    )
    writer.after_commit(CHANGED, str(actor.id))


def set_moderation_state(writer: Writer, actor: ActorId, state: ActorState) -> None:
    """Write down what was decided; while their server hides them, it holds later."""
    writer.execute(
        "UPDATE actors SET moderation_state = ?, version = version + 1 WHERE id = ?", state, actor
    )
    writer.after_commit(CHANGED, str(actor))


def set_remote_suspended(writer: Writer, actor: Actor, suspended: bool) -> None:
    """Write down what their server says of somebody; what was decided here stays."""
    if actor.remote_suspended == suspended:
        return
    writer.execute(
        "UPDATE actors SET remote_suspended = ?, version = version + 1 WHERE id = ?",
        suspended,
        actor.id,
    )
    writer.after_commit(CHANGED, str(actor.id))


def by_id(reader: Reader, id_: ActorId) -> Actor | None:
    row = reader.row(f"SELECT {COLUMNS} FROM actors WHERE id = ?", id_)
    return from_row(row) if row else None


def by_uri(reader: Reader, uri: str) -> Actor | None:
    """Actor by URI, unless not let in yet: nobody outside knows of them, so nothing is said."""
    row = reader.row(
        f"SELECT {COLUMNS} FROM actors WHERE uri = ? AND moderation_state <> 'pending'", uri
    )
    return from_row(row) if row else None


def effective_state_of(reader: Reader, uri: str) -> ActorState | None:
    """State of an actor by URI; None for somebody who is not known."""
    state: ActorState | None = reader.value(
        "SELECT effective_state FROM actors WHERE uri = ? AND moderation_state <> 'pending'", uri
    )
    return state


def by_handle(reader: Reader, name: str, domain: str = "") -> Actor | None:
    """Find by handle; names do not differ by case, and '' is our own domain."""
    row = reader.row(
        f"SELECT {COLUMNS} FROM actors WHERE name = ? AND domain = ?", name, domain.lower()
    )
    return from_row(row) if row else None


def many(reader: Reader, wanted: Iterable[ActorId]) -> dict[ActorId, Actor]:
    ids = sorted(set(wanted))
    if not ids:
        return {}
    rows = reader.rows(
        f"SELECT {COLUMNS} FROM actors WHERE id IN (SELECT value FROM json_each(?))", dumps(ids)
    )
    return {row[0]: from_row(row) for row in rows}


def our_number(reader: Reader, uri: str) -> ActorId | None:
    """Number of one of ours."""
    number: int | None = reader.value(
        "SELECT id FROM actors WHERE uri = ? AND host = '' AND moderation_state <> 'pending'", uri
    )
    return None if number is None else ActorId(number)


def ids_by_uri(reader: Reader, uris: Iterable[str]) -> dict[str, ActorId]:
    wanted = sorted(set(uris))
    if not wanted:
        return {}
    rows = reader.rows(
        "SELECT uri, id FROM actors WHERE uri IN (SELECT value FROM json_each(?))"
        " AND moderation_state <> 'pending'",
        dumps(wanted),
    )
    return {uri: ActorId(id_) for uri, id_ in rows}


def application(reader: Reader) -> Actor:
    """The server itself: signs what nobody else says."""
    row = reader.row(f"SELECT {COLUMNS} FROM actors WHERE type = 'Application' AND host = ''")
    if row is None:
        raise LookupError("the instance has no Application actor yet")
    return from_row(row)


def community(reader: Reader) -> Actor:
    """The instance's own community, which every account joins."""
    row = reader.row(
        f"SELECT {COLUMNS} FROM actors WHERE type = 'Group' AND host = '' ORDER BY id LIMIT 1"
    )
    if row is None:
        raise LookupError("the instance has no community yet")
    return from_row(row)


def followers_owner(reader: Reader, collection: str) -> Actor | None:
    """Actor whose followers collection a URI names."""
    row = reader.row(f"SELECT {COLUMNS} FROM actors WHERE followers = ?", collection)
    return from_row(row) if row else None


def directory(reader: Reader, most: int, offset: int) -> list[Actor]:
    """People of ours who want to be found, newest first."""
    rows = reader.rows(
        f"SELECT {COLUMNS} FROM actors WHERE host = '' AND type IN ('Person', 'Service')"
        " AND discoverable AND effective_state = 'active' AND NOT silenced"
        " ORDER BY id DESC LIMIT ? OFFSET ?",
        most,
        offset,
    )
    return [from_row(row) for row in rows]


def named_like(reader: Reader, name: str, domain: str | None, most: int) -> list[Actor]:
    """Actors whose handle or display name begins with `name`; ours first.

    Somebody silenced is found only by who knows the whole name.
    """
    start = _escape(name) + "%"
    rows = reader.rows(
        rf"""
        SELECT {COLUMNS} FROM actors WHERE effective_state = 'active' AND type <> 'Application'
        AND (name LIKE ? ESCAPE '\' OR display_name LIKE ? ESCAPE '\')
        AND (NOT silenced OR name = ?) AND domain LIKE ? ESCAPE '\'
        ORDER BY host <> '', length(name), id LIMIT ?
        """,
        start,
        start,
        name,
        "%" if domain is None else _escape(domain) + "%",
        most,
    )
    return [from_row(row) for row in rows]


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def count_local(reader: Reader) -> int:
    count: int = reader.value(
        "SELECT count(*) FROM accounts ac JOIN actors w ON w.id = ac.actor"
        " WHERE ac.state = 'active' AND w.effective_state = 'active'"
    )
    return count


def by_page(reader: Reader, url: str) -> Actor | None:
    """Actor by the address at which people read the profile; it is a hint, never an authority."""
    row = reader.row(f"SELECT {COLUMNS} FROM actors WHERE url = ? ORDER BY id LIMIT 1", url)
    return from_row(row) if row else None


def count_hosts(reader: Reader) -> int:
    """Number of other servers of which we know somebody."""
    count: int = reader.value("SELECT count(DISTINCT host) FROM actors WHERE host <> ''")
    return count
