"""Courier: carries deliveries to other servers, each for a week, and once unless we die.

A delivery is a row, written in the unit that did what it tells (`effects`). The courier looks for
rows that are due, takes as many as `dispatch` finds room for, and for each of them asks whether it
is still wanted, posts it, and writes down how that went:

1. Looking and taking are one step under one lock. What is taken is not looked for until it ends, so
   nothing goes twice while we live. If we die after the answer and before it is written down, it
   goes once more: receivers know activities by their id (RELIABILITY 1).
2. `_is_wanted` asks at the moment of sending, in one read: a block, a suspension, a deletion or a
   narrower audience since it was written withdraws it (SECURITY 81). Addresses of media that not
   everybody may open are made whole for this receiver only now.
3. Its answer decides. Taken, or nobody there (404, 410): the row goes. No answer, 429 or 503: the
   host closes as a whole, longer each time, and only an answer opens it; after seven days of
   failures it is asked once a day. Another refusal: this row alone waits, or is parked for good.
4. A fault of ours is tried four times and then parked, so nothing waits behind it (SECURITY 49).
   Where our own database does not answer, the row stays as it is.

Others who are slow hold only their own places: those of known, new, failing and dead hosts are
apart, and few of each source (SECURITY 93, `docs/budgets.md`).
"""

import asyncio
import logging
from collections import Counter
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import timedelta
from enum import Enum, auto
from typing import Concatenate, Never, ParamSpec

from federation.activities.announce import Announce
from federation.errors import Busy, FederationError, Forbidden, Unreachable
from federation.outbound.dispatch import Budget, Choice, choose
from federation.resolve.resolver import signer
from federation.transport.http_client import Answer, HttpClient, retry_after
from federation.transport.places import Places
from federation.transport.sources import domain_of
from federation.vocabulary import media_urls
from storage.engine import ids
from storage.engine.clock import Clock, milliseconds
from storage.engine.database import Database
from storage.engine.errors import StorageError
from storage.engine.ids import ActorId, PostId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer
from storage.people import actors, blocks, follows, keys
from storage.posts import boosts, posts, visible_posts
from storage.posts.visibility import Peer
from storage.queues import deliveries, hosts
from storage.queues.deliveries import DELIVERIES, Delivery
from storage.queues.hosts import AWAKE, HostState

log = logging.getLogger(__name__)

P = ParamSpec("P")

DEADLINE = 30.0  # seconds for everything, of a server that is known to answer
PROBE_DEADLINE = 10.0  # of any other
PROMPT = 5.0  # who takes longer to answer boosts places with those that fail
PAUSE = 5.0  # between two looks for what has become due
FINISH = 3.0  # for what is under way at a stop
REST = 1.0  # before our own database is asked again
TRIES = 8  # of writing down how a delivery went, each rest twice as long


SCHEDULE = tuple(
    timedelta(seconds=seconds) for seconds in (30, 120, 600, 1800, 3600, 7200, 14400, 28800)
)
AFTERWARDS = timedelta(hours=12)
ONCE_DEAD = timedelta(days=1)
PATIENCE = timedelta(days=7)
JITTER = 0.25
REFUSALS = 4  # attempts after which 401 and 403, or a fault of ours, count as final
CONTENT_TYPE = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
NO_POST_CHECK = ("Delete", "Undo", "Accept", "Reject", "Follow", "Block")


def pause_after(failures: int) -> timedelta:
    """Pause after so many failures in a row, without jitter."""
    return SCHEDULE[failures] if failures < len(SCHEDULE) else AFTERWARDS


def spread(pause: timedelta) -> timedelta:
    """±25 %, so that not everything comes at once."""
    return pause * (1 - JITTER + 2 * JITTER * ids.fraction())


class Verdict(Enum):
    """Fate of a delivery at the moment of sending."""

    SEND = auto()
    WITHDRAW = auto()
    SKIP = auto()  # it does not wait any more


class Courier:
    """Takes what is due, a few deliveries for each source and each host at once.

    Who looks for what may go takes it in the same step, and nobody else looks meanwhile: so what a
    look found cannot have been delivered since.
    """

    def __init__(
        self,
        database: Database,
        http_client: HttpClient,
        clock: Clock,
        *,
        at_once: int = 64,
        per_host: int = 2,
        timer: Callable[[], float] | None = None,
    ) -> None:
        self._database = database
        self._http_client = http_client
        self._clock = clock
        self._timer = timer or asyncio.get_running_loop().time
        self._budget = Budget(at_once, per_host)
        self._looking = asyncio.Lock()
        self._taken: dict[asyncio.Task[None], Choice] = {}
        self._wake = asyncio.Event()
        self.places = {one: _places(one, self._budget) for one in HostState}
        self.outcomes: Counter[str] = Counter()

    async def run(self) -> Never:
        """Deliver until cancelled; what is under way then has a moment to come to its end."""
        with ExitStack() as listening:
            for subject in (DELIVERIES, AWAKE):
                changes = self._database.changes
                listening.enter_context(changes.listen(subject, lambda _: self._wake.set()))
            try:
                while True:
                    self._wake.clear()  # before looking, or what comes meanwhile would be missed
                    await self._start_due()
                    with suppress(TimeoutError):
                        async with asyncio.timeout(PAUSE):
                            await self._wake.wait()
            except asyncio.CancelledError:
                await self._finish()
                raise

    async def deliver_due(self) -> bool:
        """Deliver whatever is due now; return whether there was anything."""
        started = await self._start_due()
        await asyncio.gather(*started)
        return bool(started)

    async def _start_due(self) -> list["asyncio.Task[None]"]:
        """Look for what may go and take it, as one step."""
        async with self._looking:
            strange, found = await self._look()
            while strange:
                await self._database.write_always(_place, strange)
                strange, found = await self._look()
            return [task for task in map(self._start, found) if task is not None]

    async def _look(self) -> tuple[list[str], list[Choice]]:
        return await self._database.read(_look, self._budget, list(self._taken.values()))

    def _start(self, choice: Choice) -> "asyncio.Task[None] | None":
        """Take it; until it ends it holds its place and is not looked for."""
        place = ExitStack()
        try:
            place.enter_context(self.places[choice.turn.standing].hold(choice.turn.source))
        except Busy:
            return None
        task = asyncio.create_task(self._carry(choice), name="delivery")
        self._taken[task] = choice

        def end(_: object) -> None:
            place.close()
            del self._taken[task]
            self._wake.set()

        task.add_done_callback(end)
        return task

    async def _finish(self) -> None:
        """Wait a little for what is under way, so that it need not be sent again."""
        if self._taken:
            _, late = await asyncio.wait(self._taken, timeout=FINISH)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _carry(self, choice: Choice) -> None:
        delivery = choice.delivery
        try:
            await self._send(choice)
        except Unreachable as error:
            await self._close_host_for_now(delivery, None, str(error))
        except Forbidden as error:
            await self._conclude(deliveries.park, delivery, str(error))
            self.outcomes["refused"] += 1
        except FederationError as error:
            await self._later(delivery, str(error))
        except StorageError as error:
            log.warning("delivery %d waits for our own database: %s", delivery.id, error)
            await asyncio.sleep(REST)
        except Exception as error:
            log.exception("delivery %d to %s could not be carried", delivery.id, delivery.inbox)
            await self._faulty(delivery, f"a fault of ours: {type(error).__name__}")

    async def _send(self, choice: Choice) -> None:
        delivery = choice.delivery
        verdict = await self._database.read(_verdict, delivery)
        if verdict is Verdict.WITHDRAW:
            await self._conclude(deliveries.settle, delivery)
            self.outcomes["withdrawn"] += 1
        if verdict is not Verdict.SEND:
            return
        key = await self._database.read(keys.signing, delivery.actor)
        site, reader = self._database.site, Peer(delivery.host)
        begun = self._timer()
        answer = await self._http_client.post(
            delivery.inbox,
            body=media_urls.open_placeholders(site, delivery.body.encode(), reader, self._clock()),
            content_type=CONTENT_TYPE,
            deadline=DEADLINE if choice.turn.standing is HostState.KNOWN else PROBE_DEADLINE,
            sign=signer(key, self._clock),
        )
        await self._judge(delivery, answer, slow=self._timer() - begun > PROMPT)

    async def _judge(self, delivery: Delivery, answer: Answer, *, slow: bool) -> None:
        status = answer.status
        if status in (429, 503):
            wait = retry_after(answer.headers, self._clock())
            await self._close_host_for_now(delivery, wait, f"answered {status}")
        elif status < 300 or status in (404, 410):
            await self._conclude(_settle, delivery, slow=slow)
            self.outcomes["delivered" if status < 300 else "gone"] += 1
        elif _may_be_better_later(status, delivery.attempts):
            pause = spread(pause_after(delivery.attempts))
            unit = _after_fault if status >= 500 else _after_refusal
            await self._conclude(unit, delivery, pause, f"answered {status}", slow=slow)
            self.outcomes["postponed"] += 1
        else:
            await self._conclude(_park, delivery, f"answered {status}", slow=slow)
            self.outcomes["refused"] += 1

    async def _close_host_for_now(
        self, delivery: Delivery, wait: timedelta | None, reason: str
    ) -> None:
        """The host as a whole waits."""
        await self._conclude(_close_host, delivery, wait, reason)
        self.outcomes["unanswered"] += 1

    async def _later(self, delivery: Delivery, reason: str) -> None:
        """Let only this delivery wait; others of the host go on."""
        pause = spread(pause_after(delivery.attempts))
        await self._conclude(deliveries.postpone, delivery, pause, reason)
        self.outcomes["postponed"] += 1

    async def _faulty(self, delivery: Delivery, reason: str) -> None:
        """Try a few times, then park it: nobody else waits for it (SECURITY 49)."""
        if delivery.attempts + 1 < REFUSALS:
            await self._later(delivery, reason)
        else:
            await self._conclude(deliveries.park, delivery, reason)
            self.outcomes["faulty"] += 1

    async def _conclude(
        self, unit: Callable[Concatenate[Writer, P], None], *args: P.args, **kwargs: P.kwargs
    ) -> None:
        """Write down how it went; where our disk cannot, it keeps its place meanwhile."""
        for tried in range(TRIES):
            try:
                # a stop does not undo what the other side has answered
                return await asyncio.shield(self._database.write_always(unit, *args, **kwargs))
            except Exception:
                log.exception("it could not be noted how a delivery went")
            await asyncio.sleep(min(REST * 2**tried, 60.0))
        return None

    async def give_up(self) -> bool:
        """Park what nobody answered for seven days; return whether there was anything."""
        tired = await self._database.write_always(_expire)
        self.outcomes["expired"] += tired
        return bool(tired)


def _may_be_better_later(status: int, attempts: int) -> bool:
    if status in (401, 403):
        return attempts + 1 < REFUSALS
    return status >= 500 or status == 408


def _places(standing: HostState, budget: Budget) -> Places:
    most = budget.most(standing)
    name = f"deliveries to {standing.name.lower()} servers"
    return Places(name, most, 1 if standing is HostState.DEAD else min(budget.per_source, most))


def _look(reader: Reader, budget: Budget, taken: list[Choice]) -> tuple[list[str], list[Choice]]:
    """Hosts whose source has to be told first; if there are none, deliveries that may go now."""
    strange = hosts.without_source(reader)
    return strange, [] if strange else choose(reader, budget, taken)


def _place(writer: Writer, strange: list[str]) -> None:
    hosts.place(writer, ((host, domain_of(host)) for host in strange))


def _verdict(reader: Reader, delivery: Delivery) -> Verdict:
    if not deliveries.is_due(reader, delivery):
        return Verdict.SKIP
    return Verdict.SEND if _is_wanted(reader, delivery) else Verdict.WITHDRAW


def _is_wanted(reader: Reader, delivery: Delivery) -> bool:
    """Asked at the moment of sending (SECURITY 81): blocks and suspensions meanwhile count."""
    speaker = actors.by_id(reader, delivery.actor)
    if hosts.is_blocked(reader, delivery.host) or speaker is None:
        return False
    if speaker.effective_state == "suspended":
        return delivery.post is None and delivery.type == "Update"  # that they are
    if delivery.post is None or delivery.type in NO_POST_CHECK:
        return True
    if _has_blocked_since(reader, delivery) and delivery.inbox not in _inboxes_now(
        reader, delivery.actor, delivery.post
    ):
        return False
    if delivery.type == Announce.type and not _may_see_boost(reader, delivery, delivery.post):
        return False
    return visible_posts.by_id(reader, Peer(delivery.host), delivery.post) is not None


def _may_see_boost(reader: Reader, delivery: Delivery, post: PostId) -> bool:
    """Tell whether a boost is still for somebody there: its audience is its own, not the post's."""
    boost = boosts.of(reader, delivery.actor, post)
    return (
        boost is not None and boosts.find_visible(reader, Peer(delivery.host), boost.id) is not None
    )


def _has_blocked_since(reader: Reader, delivery: Delivery) -> bool:
    """Whether its speaker has blocked anybody since it was written."""
    newest = blocks.page_of(reader, delivery.actor, Page(1))
    return bool(newest) and newest[0][0] >> 16 >= milliseconds(delivery.created_at)


def _inboxes_now(reader: Reader, speaker: ActorId, post: PostId) -> set[str]:
    """Inboxes to which words about a post would go if they were said now, blocks taken off."""
    about = posts.by_id(reader, post)
    named = [one.actor for one in posts.recipients(reader, post)]
    people = actors.many(reader, [*named, *([about.author] if about else [])]).values()
    heard = [one for one in people if not blocks.exists(reader, speaker, one.id)]
    return {
        *follows.inboxes(reader, speaker),
        *(one.inbox for one in heard),
        *(one.inbox_for_many for one in heard),
    }


def _settle(writer: Writer, delivery: Delivery, *, slow: bool) -> None:
    deliveries.settle(writer, delivery)
    _forgive(writer, delivery.host, slow=slow)


def _park(writer: Writer, delivery: Delivery, reason: str, *, slow: bool) -> None:
    deliveries.park(writer, delivery, reason)
    _forgive(writer, delivery.host, slow=slow)


def _after_refusal(
    writer: Writer, delivery: Delivery, pause: timedelta, reason: str, *, slow: bool
) -> None:
    deliveries.postpone(writer, delivery, pause, reason)
    _forgive(writer, delivery.host, slow=slow)


def _after_fault(
    writer: Writer, delivery: Delivery, pause: timedelta, reason: str, *, slow: bool
) -> None:
    """Let only this delivery wait; but a host that failed, and now says it has a fault, fails."""
    deliveries.postpone(writer, delivery, pause, reason)
    if hosts.get(writer, delivery.host).failures:
        _close_host(writer, delivery, None, reason)
    elif slow:
        hosts.record_fault(writer, delivery.host)


def _forgive(writer: Writer, host: str, *, slow: bool) -> None:
    """Forgive a host because it answered; nothing else makes up for not answering (SECURITY 91)."""
    if slow or hosts.get(writer, host).standing is not HostState.KNOWN:
        hosts.record_success(writer, host, slow=slow)


def _close_host(writer: Writer, delivery: Delivery, wait: timedelta | None, reason: str) -> None:
    """Count one failure for all deliveries under way together, so that the schedule is kept."""
    known = hosts.get(writer, delivery.host)
    if known.open_at > writer.now:
        return
    if wait is None:
        pause = spread(ONCE_DEAD if known.is_dead else pause_after(known.failures))
    else:
        pause = max(wait, SCHEDULE[0])  # "in a second" for ever would be a stream of probes
    hosts.record_failure(writer, delivery.host, pause, reason, as_asked=wait is not None)


def _expire(writer: Writer) -> int:
    return deliveries.expire(writer, writer.now - PATIENCE)
