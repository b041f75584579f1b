"""Places that others can hold: so many in all, and few for one source (SECURITY 89).

Whatever waits for somebody else takes a place first, so that one who never answers holds a few of
them and not all. docs/budgets.md lists them.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from federation.errors import Busy


class Places:
    """`most` places at once, `each` of them for one source, and `waiting` who wait for one.

    A source is any text: a registrable domain, an address block, a member. Who takes a place for
    several sources counts against each of them.
    """

    def __init__(self, name: str, most: int, each: int, *, waiting: int = 0) -> None:
        self.name = name
        self.most = most
        self.each = each
        self.waiting = waiting
        self.refused = 0
        self._taken: Counter[str] = Counter()
        self._in_use = 0
        self._queue: dict[asyncio.Future[None], tuple[str, ...]] = {}  # in the order of coming

    @property
    def in_use(self) -> int:
        return self._in_use

    @property
    def in_queue(self) -> int:
        return len(self._queue)

    @contextmanager
    def hold(self, *sources: str) -> Iterator[None]:
        """Hold a place, or raise Busy at once where there is none."""
        if not self.is_free(*sources):
            self.refused += 1
            raise Busy(f"Too much of this is under way ({self.name}). Please try again shortly.")
        self._take(sources)
        try:
            yield
        finally:
            self._give_back(sources)

    @asynccontextmanager
    async def wait_and_hold(self, *sources: str) -> AsyncIterator[None]:
        """Hold a place, waiting for it behind those of the same sources; Busy where many wait.

        Whose sources are used up lets others go first.
        """
        if self.is_free(*sources):
            self._take(sources)
        else:
            await self._wait(sources)
        try:
            yield
        finally:
            self._give_back(sources)

    async def _wait(self, sources: tuple[str, ...]) -> None:
        """Return with a place that was taken for us."""
        alike = sum(not set(sources).isdisjoint(one) for one in self._queue.values())
        if len(self._queue) >= self.waiting or alike >= max(1, self.waiting // 4):
            self.refused += 1
            raise Busy(f"Too many wait for this ({self.name}). Please try again shortly.")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._queue[turn] = sources
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._give_back(sources)  # it came in the same moment
            raise
        finally:
            self._queue.pop(turn, None)

    def is_free(self, *sources: str) -> bool:
        """Whether there is a place for somebody of these sources."""
        return self._in_use < self.most and all(self._taken[one] < self.each for one in sources)

    def _take(self, sources: tuple[str, ...]) -> None:
        self._in_use += 1
        self._taken.update(sources)

    def _give_back(self, sources: tuple[str, ...]) -> None:
        self._in_use -= 1
        for source in sources:
            self._taken[source] -= 1
            if not self._taken[source]:
                del self._taken[source]
        self._wake()

    def _wake(self) -> None:
        for turn, sources in list(self._queue.items()):
            if self._in_use >= self.most:
                return
            if not turn.done() and self.is_free(*sources):
                self._take(sources)
                del self._queue[turn]
                turn.set_result(None)
