"""Keep what was fetched, in the background: nobody is notified, no home list changes."""

from dataclasses import dataclass, replace

from federation.activities.create import Create
from federation.activities.update import merged
from federation.errors import Forbidden
from federation.objects.actor import ActorDocument
from federation.objects.note import Note
from federation.origins import host_of
from storage import actors, keys
from storage.actors import Actor
from storage.errors import Conflict
from storage.ids import ActorId
from storage.keys import Key
from storage.units import Writer


@dataclass(frozen=True, slots=True)
class Named:
    """A handle as its domain confirms it."""

    name: str
    domain: str


def actor(writer: Writer, found: ActorDocument, named: Named) -> Actor:
    """Add or refresh an actor. A stored handle is never bound anew (SECURITY 22)."""
    if writer.here.owns(found.row.uri):
        raise Forbidden("Nobody else can say who is on our server.")
    known = actors.by_uri(writer, found.row.uri)
    if known is not None:
        actors.update(writer, merged(known, found.row, writer))
        id_ = known.id
    else:
        id_ = _add(writer, found.row, named)
    _learn_keys(writer, id_, found)
    learned = actors.by_id(writer, id_)
    if learned is None:
        raise LookupError(found.row.uri)
    return learned


def _add(writer: Writer, row: Actor, named: Named) -> ActorId:
    id_, host = ActorId(writer.new_id()), host_of(row.uri)
    new = replace(
        row,
        id=id_,
        name=named.name,
        domain=named.domain,
        host=host,
        created_at=min(row.created_at, writer.now),
        fetched_at=writer.now,
    )
    try:
        actors.add(writer, new)
    except Conflict as taken:
        if taken.what != "name" or named.domain == host:
            raise Forbidden("That handle belongs to another account of the same server.") from taken
        actors.add(writer, replace(new, domain=host))
    return id_


def _learn_keys(writer: Writer, id_: ActorId, found: ActorDocument) -> None:
    for key in found.keys:
        keys.add(writer, Key(key.id, id_, key.algorithm, key.pem, fetched_at=writer.now))
    keys.forget_others(writer, id_, [key.id for key in found.keys])


def post(writer: Writer, said: Note) -> None:
    """Keep a post that we fetched ourselves from its origin."""
    Create(id=f"{said.id}#fetched", actor=said.author, note=said, background=True).apply(writer)
