"""Intake of what others say: who speaks is checked, and the words are kept.

When `take_in` returns they survive a crash, so the sender may forget them; `processing` carries
them out. What costs little, and what most often refuses, comes first (SECURITY 11, 45):

1. the head: a signature of a form that we read, over what it has to cover, not too old;
2. one read: whether we hear that host at all, and the key if it is known. Blocked hosts are told
   that all is well and nothing is kept, so that they learn nothing;
3. room: who has too much waiting already is asked to come again (Busy), before the body is parsed;
4. the body as plain JSON. A farewell (Delete of oneself) of somebody we never knew ends here: their
   key is gone, and there is nothing to delete;
5. the key. A known one costs nothing; a stranger's is fetched, and holds one of few places that are
   counted by the key's domain and by the network of the request (SECURITY 89). A key that fails is
   fetched once more, since keys are replaced. What we cannot find out for want of room is Busy and
   never a bad signature (SECURITY 92);
6. only now a context of the sender's own is read, beside the loop, in a process that may be killed;
7. the words are kept under their id: the same once more is no news, and changes nothing.

Nothing is believed of what the words say but who said them. Who may say what, `_store` and each
verb's `apply` decide; what is not signed by its actor is a hint, which its origin has to confirm.
"""

from dataclasses import dataclass, replace
from datetime import timedelta
from hashlib import sha256

from federation.activities import Delete, Update
from federation.activity import derived_id, id_of, knows, relation, verb_of
from federation.errors import Busy, FederationError, Forbidden, Malformed, Unauthenticated
from federation.inbound.per_actor_queue import Backlog, PerActorQueue
from federation.policy import accepts_host
from federation.resolve.resolver import Resolver, find_key
from federation.transport import signatures
from federation.transport.places import Places
from federation.transport.signatures import Request, Signed
from federation.transport.sources import domain_of
from federation.transport.urls import host_of
from federation.vocabulary import json_documents, own_addresses, reading
from federation.vocabulary.json_documents import Document, uri_of
from federation.vocabulary.reading import Reading
from storage.engine.clock import Clock, milliseconds
from storage.engine.database import Database
from storage.engine.transaction import Reader, Writer
from storage.people.actors import Actor
from storage.people.keys import Key
from storage.queues import hosts, inbox
from storage.queues.inbox import Received, Verdict

ALWAYS_THE_SAME = ("Follow", "Delete")  # without an id of their own


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules of intake: whose host we are, and how old a signature may be."""

    authority: str
    max_age: timedelta = timedelta(hours=1)
    max_future: timedelta = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class _Said:
    """Parts of an activity that must be readable at once."""

    uri: str
    actor: str
    type: str
    body: str
    document: Document

    @property
    def is_farewell(self) -> bool:
        return self.type == Delete.type and uri_of(self.document.get("object")) == self.actor


class Inbox:
    """Inbox of the whole server: personal inboxes and the shared one lead here."""

    def __init__(
        self,
        database: Database,
        resolver: Resolver,
        clock: Clock,
        rules: Rules,
        reading: Reading,
        queue: PerActorQueue,
    ) -> None:
        self._database = database
        self._resolver = resolver
        self._clock = clock
        self._rules = rules
        self._reading = reading
        self._queue = queue
        self.backlog = Backlog(database)
        self.by_domain = Places("requests that wait for a key, by its domain", most=512, each=64)
        self.by_network = Places("requests that wait for a key, by network", most=512, each=64)

    async def authenticate(self, request: Request, *, fetch: bool = True) -> Actor:
        """Return who signed; fetches at most the signer's key, and with `fetch` False not even it.

        Raises Unauthenticated, Forbidden for those from whom we do not hear, and Busy.
        """
        signed = self._parse_signature(request)
        host = host_of(signed.key_id)
        is_heard, known = await self._database.read(_before_reading, host, signed.key_id)
        if not is_heard:
            raise Forbidden("We have nothing to do with that server.")
        signer = _known_signer(signed, known)
        if signer is None and not fetch:
            raise Unauthenticated("The signature’s key is not known.")
        signer = signer or await self._fetch_signer(signed, request, known)
        if signer.effective_state != "active":
            raise Forbidden("We have nothing to do with that account.")
        return signer

    async def is_worth_reading(self, head: Request) -> bool:
        """Judge by the headers alone, before the body is read: whether we hear who signed.

        Raises Unauthenticated, and Busy where too much of theirs waits.
        """
        host = host_of(self._parse_signature(head).key_id)
        if not await self._database.read(accepts_host, host):
            return False
        await self.backlog.ensure_room(host)
        return True

    async def take_in(self, request: Request) -> bool:
        """Return whether it is news.

        Raises Unauthenticated, Malformed, Overloaded, and Busy, also where too much of theirs
        waits to be carried out.
        """
        signed = self._parse_signature(request)
        host = host_of(signed.key_id)
        is_heard, known = await self._database.read(_before_reading, host, signed.key_id)
        if not is_heard:
            return False
        await self.backlog.ensure_room(host)
        signer, body = _known_signer(signed, known), request.body or b""
        document, is_plain = await reading.plain(body)
        said = _parse(document, body, signed) if is_plain else None
        if signer is None:
            if said and said.is_farewell and known is None:
                return False  # they left, we never knew them, and their key is gone
            signer = await self._fetch_signer(signed, request, known)
        if said is None:
            said = await self._expand(document, host, signed)
        return await self._store(said, signed, signer)

    async def _expand(self, document: Document, host: str, signed: Signed) -> _Said:
        """Read a document that has a context of its own, once it is known who says it."""
        found = await self._reading.compact(document, domain_of(host))
        return _parse(found, json_documents.dump(found), signed)

    async def _store(self, said: _Said, signed: Signed, signer: Actor) -> bool:
        if not (signer.effective_state == "active" or _may_come_back(signer, said)) or not knows(
            said.type
        ):
            return False
        verdict: Verdict = "authentic" if said.actor == signer.uri else "hint"
        host = host_of(signed.key_id)
        row = Received(0, said.uri, said.actor, signer.uri, host, said.type, verdict, said.body)
        is_news = await self._database.write(_keep, row, signed, said.document)
        if is_news:
            self._queue.came(said.actor)
            self.backlog.came(host)
        return is_news

    def _parse_signature(self, request: Request) -> Signed:
        rules = self._rules
        return signatures.parse(
            request,
            authority=rules.authority,
            now=self._clock(),
            max_age=rules.max_age,
            max_future=rules.max_future,
        )

    async def _fetch_signer(
        self, signed: Signed, request: Request, known: tuple[Key, Actor] | None
    ) -> Actor:
        """Owner of the key that made the signature, which is not known here or is another one now.

        Raises Unauthenticated where they cannot show it, and Busy where we cannot ask.
        """
        domain = domain_of(host_of(signed.key_id))
        networks = [request.network] if request.network else []
        with self.by_network.hold(*networks), self.by_domain.hold(domain):
            try:
                key, owner = await self._resolver.key(signed.key_id)
            except Busy as error:
                if known is None:
                    raise
                raise Unauthenticated("The signature does not match the key.") from error
            except FederationError as error:
                sentence = f"The signature’s key could not be had. {error}"
                raise Unauthenticated(sentence) from error
        signatures.verify(signed, key.public)
        return owner


def _before_reading(
    reader: Reader, host: str, key_id: str
) -> tuple[bool, tuple[Key, Actor] | None]:
    """Whether we hear that host, and the key with its owner, if it is known."""
    return accepts_host(reader, host), find_key(reader, key_id)


def _known_signer(signed: Signed, known: tuple[Key, Actor] | None) -> Actor | None:
    """The owner of a known key, or None where it is not known or does not fit (any more)."""
    if known is None:
        return None
    key, owner = known
    try:
        signatures.verify(signed, key.public)
    except Unauthenticated:
        return None
    return owner


def _parse(document: Document, body: bytes, signed: Signed) -> _Said:
    """Read what must be readable at once.

    Any activity may lack an id. A Follow or a Delete without one is the same whenever it is heard;
    of all others each is a new one, since Add, Remove, Add are three (Mastodon, Takahē).
    """
    type_, actor = verb_of(document), uri_of(document.get("actor"))
    if document.get("id") is None and type_ not in ALWAYS_THE_SAME:
        uri = derived_id(type_, actor, f"{sha256(body).hexdigest()} {milliseconds(signed.at)}")
        document = {**document, "id": uri}
        body = json_documents.dump(document)
    uri = id_of(document)
    if host_of(uri) != host_of(actor):
        raise Malformed("An activity and its actor belong to one server; these do not.")
    return _Said(uri, actor, type_, body.decode(), document)


def _keep(writer: Writer, row: Received, signed: Signed, document: Document) -> bool:
    hosts.wake(writer, row.host)
    until = milliseconds(signed.valid_until)
    if not inbox.first_use(writer, signed.digest_of_signature, until):
        return False
    about = relation(writer, own_addresses.translate(writer, document))
    signed_at = milliseconds(signed.at)
    return inbox.keep(writer, replace(row, subject=about, signed_at=signed_at))


def _may_come_back(signer: Actor, said: _Said) -> bool:
    """Whether one hidden only by their own server says that they are so no more, or are gone."""
    own = said.actor == signer.uri and said.type in (Update.type, Delete.type)
    return own and signer.remote_suspended and signer.moderation_state == "active"
