"""Limits on reading for whoever asks (SECURITY 94): how long, how much at once, how much in all.

Five readers. Those who are not logged in have two at most, and one of them for a block of
addresses; lists that may take long have two more, one of them for a member. So one is always left
for what members ask all day. Whoever is not logged in pays for what their reads cost, too.
"""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass

from aiohttp import web

from federation.transport.places import Places
from federation.transport.sources import block_of
from server.http.errors import Refused
from storage.engine.ids import ActorId
from storage.engine.readers import ALLOWANCE

ANONYMOUS_SECONDS = 0.5
MEMBER_SECONDS = 2.0
AT_ONCE = 2
WAITING = 200
PURSE = 6.0  # seconds of processor time that a block of addresses may spend on reading,
REFILL = 0.1  # and what comes back of it each second
MEMBERS_PURSE = 3.0  # who spends more than this waits behind the long lists with all they read
MOST_PURSES = 20_000

LONG = frozenset(
    {
        "/api/v2/search",
        "/api/v1/accounts/search",
        "/api/v1/timelines/public",
        "/api/v1/timelines/tag/{hashtag}",
        "/api/v1/accounts/{id}/statuses",
        "/api/v1/statuses/{id}/context",
        "/api/v1/directory",
        "/api/v1/suggestions",
        "/api/v2/suggestions",
        "/@{name}",
        "/@{name}/{id:[0-9]{1,18}}",
        "/tags/{name}",
    }
)
"""Routes whose lists may take long, also for members."""

FREE = frozenset({"/health"})
"""Whether the server lives is asked by those who would restart it."""


@dataclass(slots=True)
class _Purse:
    spent: float
    at: float


class Purses:
    """Spending of each source of late, bounded in number."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._purses: OrderedDict[str, _Purse] = OrderedDict()

    def __len__(self) -> int:
        return len(self._purses)

    def seconds_of(self, source: str) -> float:
        purse = self._purses.get(source)
        return max(0.0, purse.spent - (self._clock() - purse.at) * REFILL) if purse else 0.0

    def spend(self, source: str, seconds: float) -> None:
        self._purses[source] = _Purse(self.seconds_of(source) + seconds, self._clock())
        self._purses.move_to_end(source)
        while len(self._purses) > MOST_PURSES:
            self._purses.popitem(last=False)


@dataclass(frozen=True, slots=True)
class _Anonymous:
    """Reads for a block of addresses."""

    reads: "Reads"
    source: str
    seconds: float = ANONYMOUS_SECONDS

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        async with self.reads.anonymous.wait_and_hold(self.source):
            self.reads.ensure_left(self.source)  # others of the same block spent it meanwhile
            yield

    def charge(self, seconds: float) -> None:
        self.reads.purses.spend(self.source, seconds)


@dataclass(frozen=True, slots=True)
class _Member:
    """Reads for a member; with `long` in one of the places for what may take long."""

    reads: "Reads"
    source: str
    long: bool
    seconds: float = MEMBER_SECONDS

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        if self.long or self.reads.purses.seconds_of(self.source) > MEMBERS_PURSE:
            async with self.reads.long.wait_and_hold(self.source):
                yield
        else:
            yield

    def charge(self, seconds: float) -> None:
        self.reads.purses.spend(self.source, seconds)


class Reads:
    """The places and purses of one server; `limited` False: nothing is refused for its cost."""

    def __init__(self, *, limited: bool, clock: Callable[[], float] | None = None) -> None:
        self.anonymous = Places("reading, not logged in", AT_ONCE, 1, waiting=WAITING)
        self.long = Places("long lists", AT_ONCE, 1, waiting=WAITING)
        self.purses = Purses(clock or _loop_time)
        self.refused = 0
        self._limited = limited

    @contextmanager
    def of(self, path: str, address: str, member: ActorId | None) -> Iterator[None]:
        """Read for a client of this route until the end of the block."""
        if path in FREE:
            token = ALLOWANCE.set(None)
        elif member is None:
            source = block_of(address) or address
            self.ensure_left(source)
            token = ALLOWANCE.set(_Anonymous(self, source))
        else:
            token = ALLOWANCE.set(_Member(self, f"member {member}", path in LONG))
        try:
            yield
        finally:
            ALLOWANCE.reset(token)

    @contextmanager
    def for_ourselves(self) -> Iterator[None]:
        """Read what it takes to find out who asks, until the end of the block."""
        token = ALLOWANCE.set(None)
        try:
            yield
        finally:
            ALLOWANCE.reset(token)

    @contextmanager
    def of_peer(self, domain: str) -> Iterator[None]:
        """Read for a server that proved who it is, until the end of the block."""
        token = ALLOWANCE.set(_Member(self, f"server {domain}", long=True))
        try:
            yield
        finally:
            ALLOWANCE.reset(token)

    def ensure_left(self, source: str) -> None:
        """Raises Refused where a source has spent what it may."""
        over = self.purses.seconds_of(source) - PURSE
        if self._limited and over >= 0:
            self.refused += 1
            seconds = int(over / REFILL) + 10
            raise Refused(
                429,
                "Your network has asked for a lot of what is dear to find. Nothing is lost; please"
                f" try again in {seconds} seconds.",
                headers={"Retry-After": str(seconds)},
            )


READS = web.AppKey("reads", Reads)


def _loop_time() -> float:
    return asyncio.get_running_loop().time()
