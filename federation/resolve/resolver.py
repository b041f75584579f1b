"""A handle or a URI → an actor or a post that we know, fetched if need be.

What is fetched proves only what its final address may say (SECURITY 14): a document counts when its
id is the address it came from, or when its id, asked on its own, answers with the same id.
"""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextvars import Context
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from typing import Any, TypeVar

from federation.errors import (
    Busy,
    FederationError,
    Forbidden,
    Gone,
    IsPage,
    Malformed,
    Missing,
    Silent,
    Unreachable,
)
from federation.objects import actor as actor_object
from federation.objects import note
from federation.objects.actor import ActorDocument
from federation.objects.note import Note
from federation.policy import accepts_host
from federation.resolve import backfill, webfinger
from federation.resolve.backfill import Named
from federation.transport import signatures
from federation.transport.http_client import Fetched, HttpClient, Sign
from federation.transport.pools import Pool
from federation.transport.silence import SilentHosts
from federation.transport.sources import domain_of
from federation.transport.urls import canonical, host_of, same_origin, server_name
from federation.vocabulary import html_links, json_documents, own_addresses
from federation.vocabulary.json_documents import Document, is_a
from federation.vocabulary.reading import Reading, apart, beside
from storage.engine.clock import Clock
from storage.engine.database import Database
from storage.engine.transaction import Reader
from storage.people import actors, keys
from storage.people.actors import Actor
from storage.people.keys import Key
from storage.posts import posts

T = TypeVar("T")

FETCHES = 20
ANCESTORS = 8
PATIENCE = 10.0  # seconds
STALE = timedelta(days=1)
PAUSE = timedelta(minutes=5)
MOST_REMEMBERED = 10_000


@dataclass(slots=True)
class Budget:
    """Budget of one activity or request: how much it may fetch, how long (SECURITY 43, 90).

    `patience` in seconds is for all of it together, from the first fetch on. Only members ask a
    host that let others wait a moment ago.
    """

    fetches: int = FETCHES
    depth: int = ANCESTORS
    pool: Pool = Pool.MEMBERS
    patience: float = PATIENCE
    until: float | None = None

    @property
    def asks_silent_hosts(self) -> bool:
        return self.pool is Pool.MEMBERS

    def spend(self) -> None:
        if self.fetches <= 0:
            raise Forbidden("That would need too many requests to other servers.")
        self.fetches -= 1

    def seconds_left(self) -> float:
        """Seconds for the next fetch. Raises Unreachable when there are none."""
        now = asyncio.get_running_loop().time()
        if self.until is None:
            self.until = now + self.patience
        if now >= self.until:
            raise Unreachable("All that is needed could not be had in time.")
        return min(self.until - now, PATIENCE)


@dataclass(slots=True)
class _Memory:
    """Memory of when something was last tried, for a bounded number of things (SECURITY 48)."""

    tried: dict[str, datetime] = field(default_factory=dict)

    def is_recent(self, what: str, now: datetime) -> bool:
        # either way: a clock that was ahead may be put back
        return what in self.tried and abs(now - self.tried[what]) < PAUSE

    def forget(self, what: str) -> None:
        self.tried.pop(what, None)

    def note(self, what: str, now: datetime) -> None:
        self.tried.pop(what, None)
        self.tried[what] = now
        while len(self.tried) > MOST_REMEMBERED:
            self.tried.pop(next(iter(self.tried)))


class Resolver:
    """The way to everything that is not here yet. Requests are signed by the server itself."""

    def __init__(
        self,
        database: Database,
        http_client: HttpClient,
        clock: Clock,
        reading: Reading,
        timer: Callable[[], float],
    ) -> None:
        self._database = database
        self._http_client = http_client
        self._clock = clock
        self._reading = reading
        self.silent = SilentHosts(timer)
        self._sign: Sign | None = None
        self._fetching: dict[str, asyncio.Future[Document]] = {}
        self._fetching_keys: dict[str, asyncio.Future[str]] = {}
        self._tried_keys = _Memory()
        self._unreached = _Memory()  # of these, where nobody answered

    # ---- people ----

    async def actor(self, uri: str, budget: Budget | None = None) -> Actor:
        """Known, or fetched. Raises FederationError."""
        known = await self._database.read(actors.by_uri, uri)
        if known is not None or self._database.site.owns(uri):
            return _there(known)
        return _there(await self.refresh(uri, budget or Budget()))

    async def refresh(self, uri: str, budget: Budget, key_address: str = "") -> Actor:
        """Fetch an actor, also one that is known: the only way in which its keys change."""
        return await self._learn_actor(await self._document(uri, budget), budget, key_address)

    async def handle(self, name: str, domain: str, budget: Budget | None = None) -> Actor:
        """@name@domain; '' or our own domain for ours."""
        site = self._database.site
        if domain.lower() in ("", site.domain.lower(), site.web_domain.lower()):
            return _there(await self._database.read(actors.by_handle, name))
        domain = server_name(domain)
        known = await self._database.read(actors.by_handle, name, domain)
        budget = budget or Budget()
        if known is not None:
            return _there(await self._fresh(known, budget))
        uri, _ = await self._webfinger(f"acct:{name}@{domain}", domain, budget)
        return await self.actor(uri, budget)

    async def _fresh(self, known: Actor, budget: Budget) -> Actor:
        """Look again once a day; where that fails, what we know will do."""
        if not self._is_stale(known):
            return known
        try:
            return await self.refresh(known.uri, budget)
        except FederationError:
            return known

    def _is_stale(self, actor: Actor) -> bool:
        return actor.fetched_at is not None and self._clock() - actor.fetched_at > STALE

    async def _webfinger(
        self, resource: str, domain: str, budget: Budget
    ) -> tuple[str, tuple[str, str]]:
        """The actor's URI and the handle under which that domain knows it."""
        address = webfinger.address(self._database.site.scheme, domain, resource)
        try:
            found = await self._ask_heard(self._http_client.jrd, address, budget)
        except Missing:
            address = await self._address_by_host_meta(resource, domain, budget)
            found = await self._ask_heard(self._http_client.jrd, address, budget)
        document = await beside(len(found.body), json_documents.read, found.body)
        return webfinger.actor_in(document), webfinger.subject_in(document)

    async def _address_by_host_meta(self, resource: str, domain: str, budget: Budget) -> str:
        """Address to which a domain without WebFinger sends us. Raises FederationError."""
        address = webfinger.host_meta_address(self._database.site.scheme, domain)
        found = await self._ask_heard(self._http_client.host_meta, address, budget)
        named = await beside(len(found.body), webfinger.fill_template, found.body, resource)
        if not named or self._database.site.owns(named):
            raise Missing(f"{domain} knows nobody of that name.")
        return named

    async def _ask_heard(
        self, ask: Callable[..., Awaitable[Fetched]], address: str, budget: Budget
    ) -> Fetched:
        """An answer that counts against the budget, of a host from which we hear."""
        budget.spend()
        await self._ensure_heard(host_of(address))
        return await self._ask(ask, address, budget)

    async def _handle_of(self, found: ActorDocument, budget: Budget) -> Named:
        """Confirm the handle on the domain that it claims; else it is @name@host (SECURITY 22)."""
        host = host_of(found.row.uri)
        fallback = Named(found.row.name, host)
        try:
            uri, (name, domain) = await self._webfinger(
                f"acct:{found.row.name}@{host}", host, budget
            )
            if uri != found.row.uri or name.lower() != found.row.name.lower():
                return fallback
            if not await self._database.read(accepts_host, domain):
                return Named(found.row.name, domain)  # it need not be confirmed to be refused
            if domain != host:
                uri, confirmed = await self._webfinger(f"acct:{name}@{domain}", domain, budget)
                if uri != found.row.uri or confirmed != (name, domain):
                    return fallback
            return Named(found.row.name, domain)
        except FederationError:
            return fallback

    # ---- keys ----

    async def key(self, key_id: str) -> tuple[Key, Actor]:
        """Fetch a key with its owner, bound both ways on one origin (SECURITY 8).

        Each document of keys once in five minutes at most, however many ask for whatever is in it;
        who asks meanwhile waits for the same answer. Raises FederationError.
        """
        if self._database.site.owns(key_id):
            raise Forbidden("Nobody signs to us with one of our own keys.")
        owner = await asyncio.shield(self._fetching_key(key_id))
        found = await self._database.read(find_key, key_id)
        if found is None or found[1].uri != owner:
            raise Malformed("The key’s owner does not list it.")
        return found

    def _fetching_key(self, key_id: str) -> asyncio.Future[str]:
        """The one fetch that is under way for this document, or a new one."""
        address, now = canonical(key_id), self._clock()
        running = self._fetching_keys.get(address)
        if running is not None:
            return running
        if self._tried_keys.is_recent(address, now):
            sentence = "That key was tried a moment ago."
            raise (Busy if self._unreached.is_recent(address, now) else Unreachable)(sentence)
        self._tried_keys.note(address, now)
        budget = Budget(fetches=5, pool=Pool.KEYS)
        running = _start_task(self._owner_of(key_id, budget))
        _remember(self._fetching_keys, address, running)
        return running

    async def _owner_of(self, key_id: str, budget: Budget) -> str:
        """Fetch whose key it is, and that actor; where we could not ask, it was not tried."""
        address = canonical(key_id)
        try:
            document = await self._document(address, budget)
        except Busy:
            self._tried_keys.forget(address)
            raise
        except Unreachable:
            self._unreached.note(address, self._clock())
            raise
        if is_a(document, *actor_object.TYPES):
            return (await self._learn_actor(document, budget, address)).uri
        owner = actor_object.key_owner(document)
        if not same_origin(owner, key_id):
            raise Malformed("A key and its owner belong to one server; these do not.")
        await self.refresh(owner, budget, address)
        return owner

    # ---- posts ----

    async def post(self, uri: str, budget: Budget | None = None) -> None:
        """Make sure that a post is known, with some of what it answers. Raises FederationError."""
        if await self._database.read(posts.exists, uri):
            return
        if self._database.site.owns(uri):
            raise Missing("There is no such post here.")
        budget = budget or Budget()
        await self._keep(await self._document(uri, budget), budget)

    async def _keep(self, document: Document, budget: Budget) -> None:
        """The post itself, then upwards, while the budget lasts and what is above can be had."""
        said = await self._note(document)
        await self._keep_one(said, budget)
        for _ in range(budget.depth):
            above = said.in_reply_to
            if not above or await self._database.read(posts.exists, above):
                return
            try:
                said = await self._note(await self._document(above, budget))
                await self._keep_one(said, budget)
            except FederationError:
                return

    async def _note(self, document: Document) -> Note:
        named = await self._database.read(own_addresses.translate, document)
        return await apart(note.parse, named)

    async def _keep_one(self, said: Note, budget: Budget) -> None:
        await self.actor(said.author, budget)
        await self._database.write_always(backfill.post, said)

    async def need(self, uri: str, budget: Budget) -> None:
        """Fetch an actor or a post, whichever it is. Raises FederationError."""
        if not uri or await self._database.read(is_known, uri):
            return
        document = await self._document(uri, budget)
        if is_a(document, *actor_object.TYPES):
            await self._learn_actor(document, budget)
        else:
            await self._keep(document, budget)

    async def _learn_actor(
        self, document: Document, budget: Budget, key_address: str = ""
    ) -> Actor:
        """Keep or refresh an actor; a handle that is known stays, so nobody is asked about it."""
        found = await apart(actor_object.parse, document)
        known = await self._database.read(actors.by_uri, found.row.uri)
        if known is not None:
            named = Named(known.name, known.domain)
        else:
            named = await self._handle_of(found, budget)
        return await self._database.write_always(backfill.actor, found, named, key_address)

    async def is_gone(self, uri: str, budget: Budget, *, missing_is_gone: bool = True) -> bool:
        """Whether its origin says that it was deleted: 410 or a Tombstone, or mere absence (404).

        A private thing is absent to whoever may not see it, so there 404 can be left out.
        """
        try:
            return is_a(await self._document(uri, budget), "Tombstone")
        except Gone:
            return True
        except Missing:
            if missing_is_gone:
                return True
            raise

    async def object(self, uri: str, budget: Budget) -> Document:
        """A document as its origin has it, under its own id."""
        return await self._document(uri, budget)

    # ---- documents ----

    async def _document(self, uri: str, budget: Budget) -> Document:
        """Fetched from its origin; asked once, however many wait for it."""
        if self._database.site.owns(uri):
            raise Forbidden("What is ours comes from the database, never over the network.")
        name = f"{budget.pool} {uri}"  # who asks for another purpose waits for nobody else's
        running = self._fetching.get(name)
        if running is None:
            budget.spend()
            running = _start_task(self._fetch(uri, budget))
            _remember(self._fetching, name, running)
        return await asyncio.shield(running)

    async def _fetch(self, uri: str, budget: Budget) -> Document:
        try:
            address, document = await self._get(uri, budget)
        except IsPage as page:
            address, document = await self._get(await self._document_of(page, budget), budget)
        id_ = document.get("id")
        if isinstance(id_, str) and canonical(id_) == canonical(address):
            return document
        if not isinstance(id_, str) or self._database.site.owns(id_):
            raise Malformed("The document does not say what it is.")
        budget.spend()
        address, document = await self._get(id_, budget)
        if document.get("id") != id_ or not same_origin(address, id_):
            raise Malformed("The document and its address do not belong together.")
        return document

    async def _document_of(self, page: IsPage, budget: Budget) -> str:
        """Address of the document of a page that a member pasted. Raises FederationError."""
        if budget.pool is not Pool.MEMBERS:
            raise page
        address = await beside(len(page.body), html_links.document_of, page.body, page.url)
        if not address or self._database.site.owns(address):
            raise page
        budget.spend()
        return address

    async def _get(self, uri: str, budget: Budget) -> tuple[str, Document]:
        """Document, and where it came from in the end; nothing from whom we do not hear."""
        await self._ensure_heard(host_of(uri))
        ask = partial(self._http_client.document, sign=await self._signer())
        found = await self._ask(ask, uri, budget)
        host = host_of(found.url)
        await self._ensure_heard(host)
        return found.url, await self._reading.document(found.body, domain_of(host))

    async def _ask(
        self, ask: Callable[..., Awaitable[Fetched]], address: str, budget: Budget
    ) -> Fetched:
        """The answer of a host, in what is left of the time; one that lets us wait is noted."""
        host = host_of(address)
        if self.silent.is_silent(host) and not budget.asks_silent_hosts:
            raise Busy(f"{host} let us wait a moment ago. It is asked again in a few minutes.")
        try:
            found = await ask(address, deadline=budget.seconds_left(), pool=budget.pool)
        except Silent as silence:
            self.silent.note(silence.host or host)  # of several hops the one that let us wait
            raise
        self.silent.record_answer(host)
        return found

    async def _ensure_heard(self, host: str) -> None:
        if not await self._database.read(accepts_host, host):
            raise Forbidden("We have nothing to do with that server.")

    async def _signer(self) -> Sign:
        if self._sign is None:
            application = await self._database.read(actors.application)
            key = await self._database.read(keys.signing, application.id)
            self._sign = signer(key, self._clock)
        return self._sign


def _start_task(work: Coroutine[Any, Any, T]) -> asyncio.Future[T]:
    """A task that several wait for: it goes by nobody's allowance."""
    return asyncio.get_running_loop().create_task(work, context=Context())


def _remember(running: dict[str, asyncio.Future[T]], name: str, future: asyncio.Future[T]) -> None:
    """Remember what runs, so that others wait for the same; nobody need hear of its failure."""

    def forget(done: asyncio.Future[T]) -> None:
        running.pop(name, None)
        if not done.cancelled():
            done.exception()

    running[name] = future
    future.add_done_callback(forget)


def signer(key: Key, clock: Clock) -> Sign:
    """Sign requests with one of our keys, afresh for each."""
    private = key.private
    if private is None:
        raise LookupError(f"{key.uri} is not ours")

    def sign(method: str, url: str, body: bytes | None) -> Mapping[str, str]:
        return signatures.sign_request(
            method, url, body, key_id=key.uri, private_pem=private, now=clock()
        )

    return sign


def find_key(reader: Reader, key_id: str) -> tuple[Key, Actor] | None:
    key = keys.by_uri(reader, key_id)
    owner = actors.by_id(reader, key.actor) if key else None
    return (key, owner) if key and owner else None


def is_known(reader: Reader, uri: str) -> bool:
    return actors.effective_state_of(reader, uri) is not None or posts.exists(reader, uri)


def _there(actor: Actor | None) -> Actor:
    if actor is None or actor.effective_state != "active":
        raise Missing("Nobody has that name here.")
    return actor
