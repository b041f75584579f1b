"""Keep what was fetched, in the background: nobody is notified, no home list changes."""

from dataclasses import dataclass, replace
from datetime import timedelta

from federation.activities.create import Create
from federation.activities.shared import attached_media
from federation.activities.update import merge
from federation.errors import Forbidden
from federation.objects.actor import ActorDocument
from federation.objects.note import Note
from federation.policy import ensure_accepted
from federation.transport.urls import canonical, host_of
from storage.engine.errors import Conflict
from storage.engine.ids import ActorId
from storage.engine.transaction import Writer
from storage.moderation import decisions
from storage.people import actors, follows, keys
from storage.people.actors import Actor
from storage.people.keys import Key
from storage.queues import hosts, jobs
from storage.queues.job_kinds import FetchFeatured

PINS_REST = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class Named:
    """A handle as its domain confirms it."""

    name: str
    domain: str


def actor(writer: Writer, found: ActorDocument, named: Named, key_address: str = "") -> Actor:
    """Add or refresh an actor. A stored handle is never bound anew (SECURITY 22).

    `key_address` is where a key was asked for, in canonical form, when what was found there
    named this actor.
    """
    if writer.site.owns(found.row.uri):
        raise Forbidden("Nobody else can say who is on our server.")
    if hosts.is_blocked(writer, host_of(found.row.uri), named.domain):
        raise Forbidden("We have nothing to do with that server.")
    known = actors.by_uri(writer, found.row.uri)
    if known is not None:
        actors.update(writer, merge(known, found.row, writer))
        id_ = known.id
        _read_pins_again(writer, known, found.row.featured)
    else:
        id_ = _add(writer, found.row, named)
    if hosts.is_limited(writer, host_of(found.row.uri), named.domain):
        decisions.silence(writer, id_, decisions.SILENCED_WITH_SERVER)
    _learn_keys(writer, id_, found, key_address)
    learned = actors.by_id(writer, id_)
    if learned is None:
        raise LookupError(found.row.uri)
    attached_media.learn_emoji(writer, learned, found.emojis)
    if learned.remote_suspended != found.suspended:
        attached_media.heed_suspension(writer, learned, found.suspended)
        return actors.by_id(writer, id_) or learned
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
    if new.featured is not None:
        jobs.plan(writer, FetchFeatured(new.uri))
    return id_


def _read_pins_again(writer: Writer, known: Actor, featured: str | None) -> None:
    """Plan it with a refresh, once in a while: not all software sends an Add (snac, GoToSocial)."""
    rested = known.fetched_at is None or writer.now - known.fetched_at >= PINS_REST
    if featured is not None and rested and follows.is_followed_here(writer, known.id):
        jobs.plan(writer, FetchFeatured(known.uri))


def _learn_keys(writer: Writer, id_: ActorId, found: ActorDocument, asked_at: str) -> None:
    """Keep keys whose id leads to their owner: else anybody could claim a neighbour's (SECURITY 8).

    One with a document of its own (GoToSocial) is learned when it is asked for there.
    """
    for key in found.keys:
        if key.address == found.row.uri or canonical(key.id) == asked_at:
            keys.add(writer, Key(key.id, id_, key.algorithm, key.pem, fetched_at=writer.now))
    keys.forget_others(writer, id_, [key.id for key in found.keys])


def post(writer: Writer, said: Note) -> None:
    """Keep a post that we fetched ourselves from its origin. Raises Forbidden, Unknown."""
    ensure_accepted(writer, said.author)
    Create(id=f"{said.id}#fetched", actor=said.author, note=said, background=True).apply(writer)
