"""Turns of activities: in order, one at a time for each actor, and servers one after the other.

Who looks for the next received activity looks for all: a few are read ahead, and nobody asks the
database again while what was read has one to give, or nothing has come that could be carried out
now. However much one server has sent, the next look begins with another (SECURITY 89).
"""

import asyncio
from collections import Counter

from federation.errors import Busy
from federation.transport.sources import domain_of
from storage.engine.database import Database
from storage.queues import inbox
from storage.queues.inbox import Received, Skipped

BATCH = 32
MOST_DUE = 1_000  # activities of one domain that may wait to be carried out
RECOUNT = 1.0  # seconds
MOST_DOMAINS = 10_000


class PerActorQueue:
    """Activities being worked on, in memory: one process owns the file, so a restart frees them."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._looking = asyncio.Lock()
        self._ahead: list[Received] = []
        self._taken: set[int] = set()
        self._speaking: set[str] = set()
        self._came: set[str] = set()
        self._left_out = False
        self._after = ""

    def came(self, actor: str) -> None:
        """An activity of theirs was kept: looking again is worth while."""
        self._came.add(actor)

    async def take(self) -> Received | None:
        """The oldest that is due, of an actor of whom none is being carried out; see `end`."""
        async with self._looking:
            found = self._next()
            if found is None and self._may_find_more():
                await self._look()
                found = self._next()
            if found is not None:
                self._taken.add(found.id)
                self._speaking.add(found.actor)
            return found

    def end(self, done: Received) -> None:
        self._taken.discard(done.id)
        self._speaking.discard(done.actor)

    def _may_find_more(self) -> bool:
        return not self._ahead or bool(self._came - self._speaking) or self._left_out

    async def _look(self) -> None:
        """Read a batch ahead, without actors being heard whose activities were read before."""
        speaking = self._speaking if self._ahead else ()
        self._ahead, self._came = [], set()
        skipped = Skipped(tuple(self._taken), tuple(speaking))
        self._ahead = await self._database.read(inbox.next_due, skipped, self._after, BATCH)
        self._left_out = len(self._ahead) >= BATCH
        if self._ahead:
            self._after = self._ahead[-1].host

    def _next(self) -> Received | None:
        for place, one in enumerate(self._ahead):
            if one.actor not in self._speaking:
                return self._ahead.pop(place)
        return None


class Backlog:
    """Backlog of each domain, bounded: intake has an end for each.

    Counted from the database when arrivals since then could have filled it.
    """

    def __init__(self, database: Database, most: int = MOST_DUE) -> None:
        self._database = database
        self.most = most
        self.refused = 0
        self._due: Counter[str] = Counter()
        self._counted: float | None = None
        self._counting = asyncio.Lock()

    def came(self, host: str) -> None:
        self._due[domain_of(host)] += 1
        if len(self._due) > MOST_DOMAINS:
            self._counted = None  # most of it is done by now

    async def ensure_room(self, host: str) -> None:
        """Raise Busy where too much of that domain waits already."""
        domain = domain_of(host)
        if self._counted is None or self._due[domain] >= self.most:
            await self._count()
        if self._due[domain] >= self.most:
            self.refused += 1
            raise Busy("Much of what your server said waits to be carried out. Please come again.")

    async def _count(self) -> None:
        async with self._counting:
            now = asyncio.get_running_loop().time()
            if self._counted is not None and now - self._counted < RECOUNT:
                return
            found: Counter[str] = Counter()
            for host, number in (await self._database.read(inbox.due_by_host)).items():
                found[domain_of(host)] += number
            self._due, self._counted = found, now
