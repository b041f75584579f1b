"""What others say: taken in at once, carried out later.

`take_in` checks who speaks and keeps the words; when it returns they survive a crash, so the sender
may forget them. `process_next` takes one and closes it *in the unit that carries it out*: either
both happened or neither. So an activity is worked on at least once and takes effect at most once.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta

from federation import documents, effects, jsonld, signatures
from federation.activity import (
    Activity,
    Unknown,
    Unwanted,
    derived_id,
    knows,
    parse_activity,
)
from federation.documents import Document, kind, uri_of
from federation.errors import (
    FederationError,
    Forbidden,
    Malformed,
    Unauthenticated,
    Unreachable,
)
from federation.lookup import Budget, Lookup, is_known, known_key
from federation.origins import host_of
from federation.policy import hears
from federation.signatures import Request, Signed
from storage import hosts, posts, received
from storage.actors import Actor
from storage.clock import Clock, milliseconds
from storage.database import Database
from storage.errors import Conflict
from storage.keys import Key
from storage.received import Received
from storage.units import Reader, Writer

log = logging.getLogger(__name__)

BATCH = 32
NAMELESS = ("Follow", "Delete")
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 480))


@dataclass(frozen=True, slots=True)
class Rules:
    """Whose host we are, and how old a signature may be."""

    authority: str
    max_age: timedelta = timedelta(hours=1)
    max_future: timedelta = timedelta(minutes=5)


class Inbox:
    """One for the whole server: personal inboxes and the shared one lead here."""

    def __init__(self, database: Database, lookup: Lookup, clock: Clock, rules: Rules) -> None:
        self._database = database
        self._lookup = lookup
        self._clock = clock
        self._rules = rules
        self._taken: set[int] = set()
        self._speaking: set[str] = set()

    # ---- taking in ----

    async def authenticate(self, request: Request) -> Actor:
        """Return who signed; fetches at most the signer's key.

        Raises Unauthenticated, and Forbidden for those from whom we do not hear.
        """
        signed = self._signed(request)
        if not await self._database.read(hears, host_of(signed.key_id)):
            raise Forbidden("We have nothing to do with that server.")
        signer = await self._signer(signed)
        if signer.state != "active":
            raise Forbidden("We have nothing to do with that account.")
        return signer

    async def take_in(self, request: Request) -> bool:
        """Return whether it is news. Raises Unauthenticated, Malformed, Overloaded."""
        signed = self._signed(request)
        host = host_of(signed.key_id)
        if not await self._database.read(hears, host):
            return False
        document = jsonld.normalise(documents.read(request.body))
        letter = _letter(document, request.body)
        if _is_farewell(document) and not await self._database.read(known_key, signed.key_id):
            return False  # they left, we never knew them, and their key is gone
        signer = await self._signer(signed)
        if signer.state != "active" or not knows(letter.type):
            return False
        verdict = "authentic" if letter.actor == signer.uri else "hint"
        kept = Received(
            0, letter.uri, letter.actor, signer.uri, host, letter.type, verdict, letter.body
        )
        return await self._database.write(_keep, kept, signed)

    def _signed(self, request: Request) -> Signed:
        rules = self._rules
        return signatures.parse(
            request,
            authority=rules.authority,
            now=self._clock(),
            max_age=rules.max_age,
            max_future=rules.max_future,
        )

    async def _signer(self, signed: Signed) -> Actor:
        """Whose key made the signature; a known key that does not fit is fetched once more."""
        known = await self._database.read(known_key, signed.key_id)
        if known is None:
            return self._verified(signed, await self._fetched_key(signed))
        try:
            return self._verified(signed, known)
        except Unauthenticated:
            return self._verified(signed, await self._fetched_key(signed))

    def _verified(self, signed: Signed, found: tuple[Key, Actor]) -> Actor:
        key, owner = found
        signatures.verify(signed, key.public)
        return owner

    async def _fetched_key(self, signed: Signed) -> tuple[Key, Actor]:
        try:
            return await self._lookup.key(signed.key_id)
        except FederationError as error:
            raise Unauthenticated(f"The signature’s key could not be had. {error}") from error

    # ---- carrying out ----

    async def process_next(self) -> bool:
        """Carry out one that is due; return whether there was one."""
        letter = await self._next()
        if letter is None:
            return False
        self._taken.add(letter.id)
        self._speaking.add(letter.actor)
        try:
            await self._process(letter)
        finally:
            self._taken.discard(letter.id)
            self._speaking.discard(letter.actor)
        return True

    async def _next(self) -> Received | None:
        """The oldest that is due, of an actor of whom none is being carried out."""
        due = await self._database.read(received.next_due, self._taken, BATCH)
        for letter in due:
            if letter.actor not in self._speaking and letter.id not in self._taken:
                return letter
        return None

    async def _process(self, letter: Received) -> None:
        unreachable: list[str] = []
        try:
            activity = await self._understood(letter)
            if activity is not None:
                unreachable = await self._prepare(activity)
                await self._database.conclude(_carry_out, letter, activity)
        except Unreachable as error:
            await self._again(letter, str(error))
        except Unknown as error:
            if unreachable:
                await self._again(letter, str(error))
            else:
                await self._database.conclude(received.close, letter, "refused", str(error))
        except (FederationError, Conflict) as error:
            await self._database.conclude(received.close, letter, "refused", str(error))
        except Exception as error:
            log.exception("activity %s could not be carried out", letter.uri)
            await self._again(letter, f"a fault of ours: {type(error).__name__}")

    async def _again(self, letter: Received, reason: str) -> None:
        """Later, a few times; then it is parked, out of everybody's way (SECURITY 49)."""
        if letter.attempts >= len(PAUSES):
            await self._database.conclude(received.close, letter, "parked", reason)
        else:
            pause = PAUSES[letter.attempts]
            await self._database.conclude(received.postpone, letter, pause, reason)

    async def _understood(self, letter: Received) -> Activity | None:
        """The activity, if it is authentic or its origin confirms it."""
        document = jsonld.normalise(documents.read(letter.body.encode()))
        if letter.verdict == "hint":
            return await self._confirmed(letter, document)
        return parse_activity(document)

    async def _confirmed(self, letter: Received, document: Document) -> Activity | None:
        """A hint says nothing by itself: ask the origin (DECISIONS, three verdicts)."""
        what = uri_of(document.get("object"))
        if letter.type == "Delete":
            hidden = await self._database.read(_is_hidden, what)
            if not await self._lookup.is_gone(what, missing_is_gone=not hidden):
                raise Unwanted("Its origin still has what is said to be deleted.")
            return parse_activity({**document, "object": what})
        if letter.type in ("Create", "Update"):
            found = await self._lookup.object(what, Budget())
            if uri_of(found.get("attributedTo")) != letter.actor:
                raise Malformed("Its origin names another author.")
            return parse_activity({**document, "object": found})
        found = await self._lookup.object(letter.uri, Budget())
        if uri_of(found.get("actor")) != letter.actor:
            raise Malformed("Its origin names another actor.")
        return parse_activity(found)

    async def _prepare(self, activity: Activity) -> list[str]:
        """Fetch what it needs, within a budget; return what could not be reached."""
        budget, tried = Budget(), set[str]()
        unreachable: list[str] = []
        while True:
            missing = await self._database.read(_missing, activity, frozenset(tried))
            if not missing:
                return unreachable
            for uri in missing:
                tried.add(uri)
                try:
                    await self._lookup.need(uri, budget)
                except Unreachable:
                    unreachable.append(uri)
                except FederationError as error:
                    log.info("%s was not to be had: %s", uri, error)


@dataclass(frozen=True, slots=True)
class _Letter:
    uri: str
    actor: str
    type: str
    body: str


def _letter(document: Document, body: bytes) -> _Letter:
    """What must be readable at once; a Follow (DECISIONS) or a Delete may lack an id."""
    type_, actor = kind(document), uri_of(document.get("actor"))
    if document.get("id") is None and type_ in NAMELESS:
        uri = derived_id(type_, actor, uri_of(document.get("object")))
    else:
        uri = uri_of(document.get("id"))
    if host_of(uri) != host_of(actor):
        raise Malformed("An activity and its actor belong to one server; these do not.")
    return _Letter(uri, actor, type_, body.decode())


def _is_farewell(document: Document) -> bool:
    return document.get("type") == "Delete" and uri_of(document.get("object")) == uri_of(
        document.get("actor")
    )


def _keep(writer: Writer, letter: Received, signed: Signed) -> bool:
    hosts.heard_from(writer, letter.host)
    until = milliseconds(signed.valid_until)
    if not received.first_use(writer, signed.digest_of_signature, until):
        return False
    return received.keep(writer, letter)


def _is_hidden(reader: Reader, uri: str) -> bool:
    """Whether its origin may answer 404 to us though it is there, because it is not for all."""
    known = posts.by_uri(reader, uri)
    return known is not None and known.kind != "public"


def _missing(reader: Reader, activity: Activity, tried: frozenset[str]) -> list[str]:
    return [
        uri
        for uri in activity.needs(reader)
        if uri not in tried and not reader.here.owns(uri) and not is_known(reader, uri)
    ]


def _carry_out(writer: Writer, letter: Received, activity: Activity) -> None:
    if received.is_due(writer, letter):
        effects.hear(writer, activity)
        received.close(writer, letter)
