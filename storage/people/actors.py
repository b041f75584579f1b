"""Everybody we know: people, communities, helpers and servers, ours and others'."""

import sqlite3
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from json import dumps

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Actor:
    """One row. `domain` and `host` are '' for ours; `summary` is safe HTML.

    `silenced` and `sensitized` were decided here (storage/moderation/decisions.py). `own_state` is
    what somebody is here for themselves while they are hidden because of their server: it is
    blocked, or it says that they are suspended (`suspended_there`).
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
    state: str = "active"
    created_at: datetime = field(default=moment(0))
    fetched_at: datetime | None = None
    version: int = 1
    silenced: int = 0
    sensitized: bool = False
    own_state: str | None = None
    suspended_there: bool = False

    @property
    def judged(self) -> str:
        """The state that was decided here, whatever their server does."""
        return self.own_state or self.state

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
    " discoverable, indexable, hide_collections, access, also_known_as, moved_to, state,"
    " created_at, fetched_at, version, silenced, sensitized, own_state, suspended_there"
)
PLACES = ", ".join("?" * (COLUMNS.count(",") + 1))


_FLAGS = (
    "locked",
    "bot",
    "discoverable",
    "indexable",
    "hide_collections",
    "sensitized",
    "suspended_there",
)


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
    """Each column's value as it is written."""
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
    "state",
    "silenced",
    "sensitized",
    "own_state",
    "suspended_there",
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


def set_state(writer: Writer, actor: ActorId, state: str) -> None:
    """While their server is blocked nobody is shown; what was decided meanwhile holds later."""
    writer.execute_named(
        "UPDATE actors SET version = version + 1, own_state = iif(own_state IS NULL, NULL, :state),"
        " state = iif(own_state IS NULL OR :state = 'deleted', :state, state) WHERE id = :actor",
        {"state": state, "actor": actor},
    )
    writer.after_commit(CHANGED, str(actor))


def heed_their_server(writer: Writer, actor: Actor, suspended: bool, *, blocked: bool) -> None:
    """Their server says that somebody is suspended there, or is not; what we decided stays.

    `blocked`: it is blocked here, so they stay hidden.
    """
    if actor.suspended_there == suspended:
        return
    writer.execute_named(
        "UPDATE actors SET suspended_there = :suspended, version = version + 1,"
        " own_state = iif(:hidden, coalesce(own_state, state), NULL),"
        " state = CASE WHEN coalesce(own_state, state) = 'deleted' THEN 'deleted'"
        " WHEN :hidden THEN 'suspended' ELSE coalesce(own_state, state) END WHERE id = :actor",
        {"suspended": suspended, "hidden": suspended or blocked, "actor": actor.id},
    )
    writer.after_commit(CHANGED, str(actor.id))


def by_id(reader: Reader, id_: int) -> Actor | None:
    row = reader.row(f"SELECT {COLUMNS} FROM actors WHERE id = ?", id_)
    return from_row(row) if row else None


def by_uri(reader: Reader, uri: str) -> Actor | None:
    """Nobody outside knows who is not let in yet, so nothing is said about them by URI."""
    row = reader.row(f"SELECT {COLUMNS} FROM actors WHERE uri = ? AND state <> 'pending'", uri)
    return from_row(row) if row else None


def state_of(reader: Reader, uri: str) -> str | None:
    """None for somebody who is not known."""
    state: str | None = reader.value(
        "SELECT state FROM actors WHERE uri = ? AND state <> 'pending'", uri
    )
    return state


def by_handle(reader: Reader, name: str, domain: str = "") -> Actor | None:
    """Find by handle; names do not differ by case, and '' is our own domain."""
    row = reader.row(
        f"SELECT {COLUMNS} FROM actors WHERE name = ? AND domain = ?", name, domain.lower()
    )
    return from_row(row) if row else None


def many(reader: Reader, wanted: Iterable[int]) -> dict[int, Actor]:
    ids = sorted(set(wanted))
    if not ids:
        return {}
    rows = reader.rows(
        f"SELECT {COLUMNS} FROM actors WHERE id IN (SELECT value FROM json_each(?))", dumps(ids)
    )
    return {row[0]: from_row(row) for row in rows}


def our_number(reader: Reader, uri: str) -> ActorId | None:
    """Of one of ours."""
    number: int | None = reader.value(
        "SELECT id FROM actors WHERE uri = ? AND host = '' AND state <> 'pending'", uri
    )
    return None if number is None else ActorId(number)


def ids_by_uri(reader: Reader, uris: Iterable[str]) -> dict[str, ActorId]:
    wanted = sorted(set(uris))
    if not wanted:
        return {}
    rows = reader.rows(
        "SELECT uri, id FROM actors WHERE uri IN (SELECT value FROM json_each(?))"
        " AND state <> 'pending'",
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
    """Whose followers collection a URI names."""
    row = reader.row(f"SELECT {COLUMNS} FROM actors WHERE followers = ?", collection)
    return from_row(row) if row else None


def directory(reader: Reader, most: int, offset: int) -> list[Actor]:
    """People of ours who want to be found, newest first."""
    rows = reader.rows(
        f"SELECT {COLUMNS} FROM actors WHERE host = '' AND type IN ('Person', 'Service')"
        " AND discoverable AND state = 'active' AND NOT silenced ORDER BY id DESC LIMIT ? OFFSET ?",
        most,
        offset,
    )
    return [from_row(row) for row in rows]


def named_like(reader: Reader, name: str, domain: str | None, most: int) -> list[Actor]:
    """Actors whose handle or display name begins with `name`; ours first.

    Somebody silenced is found only by who knows the whole name.
    """
    start = _escaped(name) + "%"
    rows = reader.rows(
        f"SELECT {COLUMNS} FROM actors WHERE state = 'active' AND type <> 'Application'"
        r" AND (name LIKE ? ESCAPE '\' OR display_name LIKE ? ESCAPE '\')"
        " AND (NOT silenced OR name = ?)"
        r" AND domain LIKE ? ESCAPE '\' ORDER BY host <> '', length(name), id LIMIT ?",
        start,
        start,
        name,
        "%" if domain is None else _escaped(domain) + "%",
        most,
    )
    return [from_row(row) for row in rows]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def count_local(reader: Reader) -> int:
    count: int = reader.value(
        "SELECT count(*) FROM accounts a JOIN actors w ON w.id = a.actor"
        " WHERE a.state = 'active' AND w.state = 'active'"
    )
    return count


def by_page(reader: Reader, url: str) -> Actor | None:
    """By the address at which people read the profile; it is a hint, never an authority."""
    row = reader.row(f"SELECT {COLUMNS} FROM actors WHERE url = ? ORDER BY id LIMIT 1", url)
    return from_row(row) if row else None


def count_hosts(reader: Reader) -> int:
    """How many other servers we know somebody of."""
    count: int = reader.value("SELECT count(DISTINCT host) FROM actors WHERE host <> ''")
    return count
