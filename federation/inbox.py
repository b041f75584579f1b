"""What others say: taken in at once, carried out later.

`take_in` checks who speaks and keeps the words; when it returns they survive a crash, so the sender
may forget them. `process_next` takes one and closes it *in the unit that carries it out*: either
both happened or neither. So an activity is worked on at least once and takes effect at most once.
"""

import logging
from dataclasses import dataclass
from datetime import timedelta

from federation import documents, effects, jsonld, signatures
from federation.activities import Delete, Update
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
from federation.policy import ensure_heard, ensure_hidden_at_most, hears
from federation.signatures import Request, Signed
from federation.turns import Turns
from storage import hosts, posts, received
from storage.actors import Actor
from storage.clock import Clock, milliseconds
from storage.database import Database
from storage.errors import Conflict
from storage.keys import Key
from storage.received import Received
from storage.units import Reader, Writer

log = logging.getLogger(__name__)

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
        self._turns = Turns(database)

    # ---- taking in ----

    async def authenticate(self, request: Request) -> Actor:
        """Return who signed; fetches at most the signer's key.

        Raises Unauthenticated, and Forbidden for those from whom we do not hear.
        """
        signed = self._signed(request)
        host = host_of(signed.key_id)
        is_heard, known = await self._database.read(_before_reading, host, signed.key_id)
        if not is_heard:
            raise Forbidden("We have nothing to do with that server.")
        signer = await self._signer(signed, known)
        if signer.state != "active":
            raise Forbidden("We have nothing to do with that account.")
        return signer

    async def take_in(self, request: Request) -> bool:
        """Return whether it is news. Raises Unauthenticated, Malformed, Overloaded."""
        signed = self._signed(request)
        host = host_of(signed.key_id)
        is_heard, known = await self._database.read(_before_reading, host, signed.key_id)
        if not is_heard:
            return False
        document = jsonld.normalise(documents.read(request.body))
        letter = _letter(document, request.body)
        if _is_farewell(document) and known is None:
            return False  # they left, we never knew them, and their key is gone
        signer = await self._signer(signed, known)
        if not (signer.state == "active" or _may_come_back(signer, letter)):
            return False
        if not knows(letter.type):
            return False
        verdict = "authentic" if letter.actor == signer.uri else "hint"
        kept = Received(
            0, letter.uri, letter.actor, signer.uri, host, letter.type, verdict, letter.body
        )
        is_news = await self._database.write(_keep, kept, signed)
        if is_news:
            self._turns.came(letter.actor)
        return is_news

    def _signed(self, request: Request) -> Signed:
        rules = self._rules
        return signatures.parse(
            request,
            authority=rules.authority,
            now=self._clock(),
            max_age=rules.max_age,
            max_future=rules.max_future,
        )

    async def _signer(self, signed: Signed, known: tuple[Key, Actor] | None) -> Actor:
        """Whose key made the signature; a known key that does not fit is fetched once more."""
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
        letter = await self._turns.take()
        if letter is None:
            return False
        try:
            await self._process(letter)
        finally:
            self._turns.end(letter)
        return True

    async def _process(self, letter: Received) -> None:
        unreachable: list[str] = []
        try:
            activity = await self._understood(letter)
            if activity is not None:
                await self._perform(letter, activity, unreachable)
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
            missing_is_gone = await self._database.read(_would_be_shown, what)
            if not await self._lookup.is_gone(what, missing_is_gone=missing_is_gone):
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

    async def _perform(self, letter: Received, activity: Activity, unreachable: list[str]) -> None:
        """Carry it out, once what it needs is here: fetched within a budget, when it is not.

        `unreachable` is given what could not be reached.
        """
        budget, tried = Budget(), set[str]()
        conclude = self._database.conclude
        while lack := await conclude(_carry_out, letter, activity, frozenset(tried)):
            tried.update(lack.stale, lack.missing)
            for uri in lack.stale:
                await self._lookup.refresh(uri, budget)
            for uri in lack.missing:
                try:
                    await self._lookup.need(uri, budget)
                except Unreachable:
                    unreachable.append(uri)
                except FederationError as error:
                    log.info("%s was not to be had: %s", uri, error)


def _before_reading(
    reader: Reader, host: str, key_id: str
) -> tuple[bool, tuple[Key, Actor] | None]:
    """Whether we hear that host, and the key with its owner, if it is known."""
    return hears(reader, host), known_key(reader, key_id)


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


def _would_be_shown(reader: Reader, uri: str) -> bool:
    """Whether its origin would show it to us, were it there: so that a 404 says that it is gone.

    That is so of a public post that we know; of another, it may be hidden, or not there yet.
    Of an actor a 404 may be a fault that passes, and who is gone is gone for ever, with all they
    said: there only 410 or a Tombstone counts.
    """
    known = posts.by_uri(reader, uri)
    return known is not None and known.kind == "public"


@dataclass(frozen=True, slots=True)
class _Lack:
    """URIs to be fetched before an activity can take effect: known but stale, or not known."""

    stale: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


def _lack(reader: Reader, activity: Activity, tried: frozenset[str]) -> _Lack | None:
    """What is stale comes first: what is missing may come with it."""

    def is_elsewhere(uri: str) -> bool:
        return uri not in tried and not reader.here.owns(uri)

    if stale := tuple(filter(is_elsewhere, activity.fresh(reader))):
        return _Lack(stale=stale)
    needed = filter(is_elsewhere, activity.needs(reader))
    missing = tuple(uri for uri in needed if not is_known(reader, uri))
    return _Lack(missing=missing) if missing else None


def _may_come_back(signer: Actor, letter: _Letter) -> bool:
    """Whom only their own server hides says when it does so no more, or that they are gone."""
    own = letter.actor == signer.uri and letter.type in (Update.type, Delete.type)
    return own and signer.suspended_there and signer.judged == "active"


def _is_about_oneself(activity: Activity) -> bool:
    if isinstance(activity, Delete):
        return activity.what == activity.actor
    return isinstance(activity, Update) and activity.profile is not None


def _carry_out(
    writer: Writer, letter: Received, activity: Activity, tried: frozenset[str]
) -> _Lack | None:
    """Return what must be fetched first, and change nothing then.

    Whoever was turned out since it came is not heard any more (SECURITY 84).
    """
    if not received.is_due(writer, letter):
        return None
    if _is_about_oneself(activity):
        ensure_hidden_at_most(writer, activity.actor, letter.host)
    else:
        ensure_heard(writer, activity.actor, letter.host)
    lack = _lack(writer, activity, tried)
    if lack is None:
        effects.hear(writer, activity)
        received.close(writer, letter)
    return lack
