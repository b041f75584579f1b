"""Carries out what was taken in: workers that apply never wait for the network (SECURITY 90).

A worker takes a received activity, reads it and applies it in one unit, which also closes its row:
either both happened or neither, so it is worked on at least once and takes effect at most once.
What an activity needs and is not here is fetched beside the workers: the unit says what lacks,
changes nothing, and the activity waits in `Preparing` for a place to fetch it. Fetching has one
deadline for all of it together; then the activity is applied with what came, and what is essential
and did not come puts it off for later.

Before anything is fetched an activity is asked whether anybody here wants it. While it waits its
actor's later ones wait behind it, and nobody else's. A restart forgets who waits: the row is due.
"""

import asyncio
import logging
from collections import Counter, OrderedDict, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta

from federation import effects
from federation.activities import Create, Delete, Like, Update
from federation.activities.announce import is_wrapped
from federation.activity import Activity, Unknown, Unwanted, id_of, parse_activity, verb_of
from federation.errors import Busy, FederationError, Malformed, Unreachable
from federation.inbound.per_actor_queue import PerActorQueue
from federation.policy import ensure_accepted, ensure_hidden_at_most
from federation.resolve.resolver import Budget, Resolver, is_known
from federation.transport.places import Places
from federation.transport.pools import Pool
from federation.transport.sources import domain_of
from federation.vocabulary import own_addresses, reading
from federation.vocabulary.json_documents import (
    Document,
    embedded,
    is_a,
    uri_of,
    uris_of,
)
from federation.vocabulary.reading import Reading
from storage.engine.changes import Change
from storage.engine.database import Database
from storage.engine.errors import Conflict
from storage.engine.transaction import Reader, Writer
from storage.people import actors, follows
from storage.posts import posts
from storage.queues import inbox
from storage.queues.inbox import RECEIVED, Received

log = logging.getLogger(__name__)

PREPARED = "received needs something"
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 30, 120, 480))
NO_ROOM = timedelta(minutes=2)
GRACE = 2.0  # seconds beside those of the budget, for what does not wait for others

AT_ONCE = 16
AT_ONCE_OF_SOURCE = 2
MOST_WAITING = 512
MOST_WAITING_OF_SOURCE = 16
MOST_WAITING_BYTES = 32 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Lack:
    """URIs to be fetched before an activity can take effect: known but stale, or not known."""

    stale: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()


@dataclass(slots=True)
class Work:
    """A received activity on its way. `activity` is None until the origin confirms a hint.

    As such counts a Create of a post whose URI somebody else on that server has. `passed_on`: a
    Group announced the activity in `document` (FEP-1b12), which proves nothing of it.

    `over` when nothing more is fetched for it; `failure` is what became of the fetching.
    """

    received: Received
    source: str
    budget: Budget
    document: Document = field(default_factory=dict)
    passed_on: bool = False
    activity: Activity | None = None
    lack: Lack = Lack()
    tried: set[str] = field(default_factory=set)
    unreachable: list[str] = field(default_factory=list)
    over: bool = False
    failure: Exception | None = None


class Preparing:
    """Activities that wait for something to be fetched: a bounded number, few of one source."""

    def __init__(self) -> None:
        self.places = Places("fetching for activities", AT_ONCE, AT_ONCE_OF_SOURCE)
        self._queue: deque[Work] = deque()
        self._served: OrderedDict[str, None] = OrderedDict()  # sources, the latest at the end
        self._of_source: Counter[str] = Counter()
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._queue)

    def add(self, work: Work) -> bool:
        """Return whether there was room."""
        size = len(work.received.body)
        if self._of_source[work.source] >= MOST_WAITING_OF_SOURCE:
            return False
        if len(self._queue) >= MOST_WAITING or self._bytes + size > MOST_WAITING_BYTES:
            return False
        self._queue.append(work)
        self._of_source[work.source] += 1
        self._bytes += size
        return True

    def take(self) -> Work | None:
        """The first of the source whose turn it is: of those with a place free, the longest ago."""
        first: dict[str, Work] = {}
        for work in self._queue:
            if work.source not in first and self.places.is_free(work.source):
                first[work.source] = work
        if not first:
            return None
        order = {source: place for place, source in enumerate(self._served)}
        work = first[min(first, key=lambda source: order.get(source, -1))]
        self._queue.remove(work)
        self._bytes -= len(work.received.body)
        self._served[work.source] = None
        self._served.move_to_end(work.source)
        while len(self._served) > 2 * MOST_WAITING:
            self._served.popitem(last=False)
        return work

    def end(self, work: Work) -> None:
        self._of_source[work.source] -= 1
        if not self._of_source[work.source]:
            del self._of_source[work.source]


class Processor:
    """Processor for the server. `process_next` and `prepare_next` have workers of their own."""

    def __init__(
        self, database: Database, resolver: Resolver, reading: Reading, queue: PerActorQueue
    ) -> None:
        self._database = database
        self._resolver = resolver
        self._reading = reading
        self._queue = queue
        self._ready: deque[Work] = deque()
        self.preparing = Preparing()

    # ---- applying ----

    async def process_next(self) -> bool:
        """Carry out one that is due; return whether there was one."""
        work = self._ready.popleft() if self._ready else await self._begin()
        if work is None:
            return False
        waits = False
        try:
            waits = await self._advance(work)
        finally:
            if not waits:
                self._queue.end(work.received)
        return True

    async def _begin(self) -> Work | None:
        found = await self._queue.take()
        if found is None:
            return None
        return Work(found, domain_of(found.host), Budget(pool=Pool.ACTIVITIES))

    async def _advance(self, work: Work) -> bool:
        """Carry it out, put it off or refuse it; return whether it waits to be prepared."""
        try:
            if await self._takes_effect(work):
                return False
        except Exception as error:
            await self._fail(work, error)
            return False
        if self.preparing.add(work):
            self._database.changes.tell(Change(PREPARED))
            return True
        await self._database.write_always(inbox.put_off, work.received, NO_ROOM)
        return False

    async def _fail(self, work: Work, error: Exception) -> None:
        """Try again what others could mend by being there again; what they mean is final."""
        wants_others = isinstance(error, Unknown) and bool(work.unreachable)
        if isinstance(error, Unreachable | Busy) or wants_others:
            await self._again(work, str(error))
        elif isinstance(error, FederationError | Conflict):
            await self._database.write_always(inbox.close, work.received, "refused", str(error))
        else:
            log.error("activity %s could not be carried out", work.received.uri, exc_info=error)
            await self._again(work, f"a fault of ours: {type(error).__name__}")

    async def _again(self, work: Work, reason: str) -> None:
        """Later, a few times; then it is parked, out of everybody's way (SECURITY 49)."""
        if work.received.attempts >= len(PAUSES):
            await self._database.write_always(inbox.close, work.received, "parked", reason)
        else:
            pause = PAUSES[work.received.attempts]
            await self._database.write_always(inbox.postpone, work.received, pause, reason)

    async def _takes_effect(self, work: Work) -> bool:
        """Apply it; False where something has to be fetched first, and nothing was changed."""
        row = work.received
        if work.failure is not None:
            raise work.failure
        if work.activity is None:
            body = row.body.encode()
            work.document = await self._reading.document(body, work.source)
            if own_addresses.may_name_ours(self._database.site, body):
                work.document = await self._database.read(own_addresses.translate, work.document)
            if row.verdict == "authentic" and is_wrapped(work.document):
                work.document, work.passed_on = embedded(work.document["object"]), True
                await self._database.read(_ensure_passed_on_wanted, row, work.document)
                return False
            if row.verdict == "hint" or _is_by_name(row, work.document):
                await self._ensure_worth_asking(row, work.document)
                return False
            said = await reading.beside(len(row.body), parse_activity, work.document)
            if isinstance(said, Create) and await self._database.read(said.is_contested):
                await self._database.read(_ensure_wanted, row, said)
                return False
            work.activity = said
        tried = None if work.over else frozenset(work.tried)
        lack = await self._database.write_always(_carry_out, row, work.activity, tried)
        work.lack = lack or Lack()
        return lack is None

    async def _ensure_worth_asking(self, row: Received, document: Document) -> None:
        """Raise FederationError for a hint that would be refused though its origin confirmed it.

        What it says is not believed, only asked whether anybody here would want it.
        """
        if _is_by_name(row, document):
            await self._database.read(_ensure_heard, row, uri_of(document.get("object")))
            return
        said = await reading.beside(len(row.body), parse_activity, document)
        await self._database.read(_ensure_wanted, row, said)

    # ---- fetching ----

    async def prepare_next(self) -> bool:
        """Fetch what one of them needs; return whether there was one that has a place."""
        work = self.preparing.take()
        if work is None:
            return False
        try:
            with self.preparing.places.hold(work.source):
                await self._prepare(work)
        except FederationError as error:
            work.failure = error
        finally:
            self.preparing.end(work)
            self._ready.append(work)
            self._database.changes.tell(Change(RECEIVED))
        return True

    async def _prepare(self, work: Work) -> None:
        """Fetch what is lacking; what could not be had within the budget's time counts as tried."""
        lack = work.lack
        work.tried.update(lack.stale, lack.missing)
        try:
            async with asyncio.timeout(work.budget.seconds_left() + GRACE):
                if work.activity is None:
                    work.activity = await self._confirm(work)
                for uri in lack.stale:
                    await self._resolver.refresh(uri, work.budget)
                await asyncio.gather(*(self._need(uri, work) for uri in lack.missing))
        except (TimeoutError, Unreachable) as error:
            if work.activity is None or lack.stale:
                raise Unreachable(
                    str(error) or "All that is needed did not come in time."
                ) from None
            work.unreachable += lack.missing
            work.over = True

    async def _need(self, uri: str, work: Work) -> None:
        """Fetch one thing; where its host does not answer, that is noted."""
        try:
            await self._resolver.need(uri, work.budget)
        except (Unreachable, Busy):
            work.unreachable.append(uri)
        except FederationError as error:
            log.info("%s was not to be had: %s", uri, error)

    async def _confirm(self, work: Work) -> Activity:
        """A hint says nothing by itself: ask the origin (DECISIONS, three verdicts)."""
        document, budget = work.document, work.budget
        type_, actor = verb_of(document), uri_of(document.get("actor"))
        what = uri_of(document.get("object"))
        if type_ == Delete.type:
            missing_is_gone = await self._database.read(_would_be_shown, what)
            if not await self._resolver.is_gone(what, budget, missing_is_gone=missing_is_gone):
                raise Unwanted("Its origin still has what is said to be deleted.")
            if work.passed_on:  # a moderator may have deleted it
                document = await self._database.read(_by_its_author, what)
            return await reading.apart(parse_activity, {**document, "object": what})
        if type_ in (Create.type, Update.type):
            found = await self._resolver.object(what, budget)
            if actor not in uris_of(found.get("attributedTo")):
                raise Malformed("Its origin names another author.")
            said = await reading.apart(parse_activity, {**document, "object": found})
            if not isinstance(said, Create):
                return said
            quiet = work.passed_on and not await self._database.read(_is_wanted, said)
            return replace(said, confirmed=True, background=quiet)
        found = await self._resolver.object(id_of(document), budget)
        if uri_of(found.get("actor")) != actor or (work.passed_on and not is_a(found, Like.type)):
            raise Malformed("Its origin says something else.")
        return await reading.apart(parse_activity, found)


def _ensure_passed_on_wanted(reader: Reader, row: Received, inner: Document) -> None:
    """Ensure that somebody here wants what a Group passes on, as far as it can be believed.

    That is so of what would be wanted from its author, and of new posts in groups followed here.
    """
    ensure_accepted(reader, row.actor, row.host)
    actor = uri_of(inner.get("actor"))
    ensure_accepted(reader, actor)
    if reader.site.owns(actor):
        raise Unwanted("It comes from here.")
    what = uri_of(inner.get("object"))
    if verb_of(inner) in (Delete.type, Like.type):
        if not posts.exists(reader, what):
            raise Unwanted("What it is about is not known here.")
        return
    if verb_of(inner) == Create.type:
        group = actors.by_uri(reader, row.actor)
        if group is not None and follows.is_followed_here(reader, group.id):
            return
    parse_activity(inner).ensure_wanted(reader)


def _is_wanted(reader: Reader, said: Activity) -> bool:
    try:
        said.ensure_wanted(reader)
    except Unwanted:
        return False
    return True


def _by_its_author(reader: Reader, what: str) -> Document:
    """A Delete of a post that we know, as its author would say it."""
    known = posts.by_uri(reader, what)
    author = actors.by_id(reader, known.author) if known else None
    if author is None or author.is_local:
        raise Unwanted("What is said to be deleted is not known here.")
    return {"type": Delete.type, "actor": author.uri}


def _is_by_name(row: Received, document: Document) -> bool:
    """Tell whether what is new or changed is only named, so that its origin has to be asked."""
    return row.type in (Create.type, Update.type) and not isinstance(
        document.get("object"), Mapping
    )


def _ensure_heard(reader: Reader, row: Received, what: str) -> None:
    """Ensure that somebody here follows who says it, or has what is named already."""
    ensure_accepted(reader, row.actor, row.host)
    author = actors.by_uri(reader, row.actor)
    if not is_known(reader, what) and not (
        author is not None and follows.is_followed_here(reader, author.id)
    ):
        raise Unwanted("Nobody here follows its author, and what it names is not known here.")


def _ensure_wanted(reader: Reader, row: Received, said: Activity) -> None:
    ensure_accepted(reader, row.actor, row.host)
    said.ensure_wanted(reader)
    if isinstance(said, Delete) and not is_known(reader, said.what):
        raise Unwanted("What is said to be deleted is not known here.")


def _would_be_shown(reader: Reader, uri: str) -> bool:
    """Whether its origin would show it to us, were it there: so that a 404 says that it is gone.

    That is so of a public post that we know; of another, it may be hidden, or not there yet.
    Of an actor a 404 may be a fault that passes, and who is gone is gone for ever, with all they
    said: there only 410 or a Tombstone counts.
    """
    known = posts.by_uri(reader, uri)
    return known is not None and known.kind == "public"


def _lack(reader: Reader, activity: Activity, tried: frozenset[str]) -> Lack | None:
    """URIs to fetch before applying: stale ones first, as what is missing may come with them."""

    def is_elsewhere(uri: str) -> bool:
        return uri not in tried and not reader.site.owns(uri)

    if stale := tuple(filter(is_elsewhere, activity.fresh(reader))):
        return Lack(stale=stale)
    missing = _unknown(reader, list(filter(is_elsewhere, activity.needs(reader))))
    return Lack(missing=missing) if missing else None


def _unknown(reader: Reader, needed: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(uri for uri in needed if not is_known(reader, uri)))


def _is_about_oneself(activity: Activity) -> bool:
    if isinstance(activity, Delete):
        return activity.what == activity.actor
    return isinstance(activity, Update) and activity.profile is not None


def _carry_out(
    writer: Writer, row: Received, activity: Activity, tried: frozenset[str] | None
) -> Lack | None:
    """Return what must be fetched first, and change nothing then; `tried` None: take it as it is.

    Whoever was turned out since it came is not heard any more (SECURITY 84).
    """
    if not inbox.is_due(writer, row):
        return None
    if activity.actor != row.actor:
        ensure_accepted(writer, row.actor, row.host)
    if _is_about_oneself(activity):
        ensure_hidden_at_most(writer, activity.actor, row.host)
    else:
        ensure_accepted(writer, activity.actor, row.host)
    activity.ensure_wanted(writer)
    lack = None if tried is None else _lack(writer, activity, tried)
    if lack is None:
        effects.apply_remote(writer, activity)
        inbox.close(writer, row)
    return lack
