"""The connections that read: each sees a snapshot, and none is held for longer than is allowed.

A read that takes too long is interrupted by the loop, which looks at all of them now and then:
that costs a read nothing, where a timer or SQLite's progress handler would cost each of them.
What counts is the processor time of the read itself: a busy machine makes no read too long.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from typing import Protocol, TypeVar

from storage.engine.clock import processor_timer
from storage.engine.connection import Connection
from storage.engine.errors import Overloaded, TookTooLong
from storage.engine.transaction import Moment, Reader, in_snapshot

T = TypeVar("T")

LOOK = 0.05  # seconds between two looks at what is running
AT_THE_END = 1.0  # seconds for a read that is under way when the database is closed
ON_THE_CLOCK = 5  # times what it may use of a processor, for a read that waits for a disk
OWN_SECONDS = 60.0  # what the server's own work may take: far more than a slice of it does


class Allowance(Protocol):
    """Allowance of a caller: how long each read may take, and who counts what it cost."""

    @property
    def seconds(self) -> float:
        """Seconds of a processor until it is interrupted; five times that by the clock."""

    def place(self) -> AbstractAsyncContextManager[None]:
        """Held while one of the readers is in use; may wait, and may refuse."""

    def charge(self, seconds: float) -> None:
        """Processor time that a read took; the whole of `seconds` where it was interrupted."""


ALLOWANCE: ContextVar[Allowance | None] = ContextVar("allowance", default=None)
"""Of whoever is being answered; None for the server's own work."""


class _Reading:
    """Unit on its connection. `late`: it was told to stop. `ended`: its thread has left it."""

    def __init__(self, connection: Connection, seconds: float) -> None:
        self.connection = connection
        self.seconds = seconds
        self.until = asyncio.get_running_loop().time() + ON_THE_CLOCK * seconds
        self.used: Callable[[], float] | None = None
        self.late = False
        self.ended = False
        self.spent = 0.0

    def is_over(self, now: float) -> bool:
        """Whether it has had its time, and is still at it."""
        if self.ended:
            return False
        return now >= self.until or (self.used is not None and self.used() >= self.seconds)

    def stop(self) -> None:
        self.late = True
        self.connection.halt()


class Readers:
    """Idle connections, and what runs on the others."""

    def __init__(self, connections: Sequence[Connection], moment: Moment, intake: int) -> None:
        self._moment = moment
        self._intake = intake
        self._waiting = 0
        # The last one used comes first: it has in its cache what is asked for now.
        self._idle: asyncio.LifoQueue[Connection] = asyncio.LifoQueue()
        for connection in connections:
            self._idle.put_nowait(connection)
        self._running: set[_Reading] = set()
        self._looking: asyncio.TimerHandle | None = None
        self.interrupted = 0

    @property
    def in_use(self) -> int:
        return len(self._running)

    async def run(self, unit: Callable[[Reader], T]) -> T:
        """Raises Overloaded when too many wait, TookTooLong, and what the allowance raises."""
        allowance = ALLOWANCE.get()
        if allowance is None:
            return await self._run(unit, OWN_SECONDS, None)
        async with allowance.place():
            return await self._run(unit, allowance.seconds, allowance)

    async def _run(
        self, unit: Callable[[Reader], T], seconds: float, allowance: Allowance | None
    ) -> T:
        connection = await self._free()
        reading = _Reading(connection, seconds)
        self._watch(reading)
        try:
            value = await connection.run(lambda raw: self._with_timer(raw, unit, reading))
        except asyncio.CancelledError:
            reading.until = 0.0  # nobody waits for it any more; its thread is still busy
            reading.stop()
            self._give_back_later(reading)
            raise
        except sqlite3.OperationalError as error:
            self._give_back(reading)
            if not reading.late:
                raise
            raise TookTooLong("This took longer to find than we can give it.") from error
        except BaseException:
            self._give_back(reading)
            raise
        else:
            self._give_back(reading)
            if reading.late:  # a unit that lives with an error of SQLite's found less than there is
                raise TookTooLong("This took longer to find than we can give it.")
            return value
        finally:
            if allowance is not None:
                allowance.charge(seconds if reading.late else reading.spent)

    def _with_timer(
        self, raw: sqlite3.Connection, unit: Callable[[Reader], T], reading: _Reading
    ) -> T:
        used = reading.used = processor_timer()
        try:
            return in_snapshot(raw, unit, self._moment)
        finally:
            reading.spent, reading.ended = used(), True

    async def _free(self) -> Connection:
        if self._waiting >= self._intake:
            raise Overloaded("too many requests are waiting to be read")
        self._waiting += 1
        try:
            return await self._idle.get()
        finally:
            self._waiting -= 1

    # ---- those that run ----

    def _watch(self, reading: _Reading) -> None:
        self._running.add(reading)
        if self._looking is None:
            self._looking = asyncio.get_running_loop().call_later(LOOK, self._look)

    def _look(self) -> None:
        """Look again where it had no effect: between two statements nothing can be stopped."""
        loop, self._looking = asyncio.get_running_loop(), None
        for reading in self._running:
            if reading.is_over(loop.time()):
                self.interrupted += not reading.late
                reading.stop()
        if self._running:
            self._looking = loop.call_later(LOOK, self._look)

    def _give_back(self, reading: _Reading) -> None:
        self._running.discard(reading)
        self._idle.put_nowait(reading.connection)

    def _give_back_later(self, reading: _Reading) -> None:
        """Give back a reader once its thread has left it."""
        left = asyncio.ensure_future(reading.connection.run(lambda raw: None))
        left.add_done_callback(lambda _: self._give_back(reading))

    async def close(self) -> None:
        """Wait until nothing reads; what does not come to its end is interrupted, again and again.

        Else a connection whose thread began its statement after it was told to stop would never
        close.
        """
        soon = asyncio.get_running_loop().time() + AT_THE_END
        for reading in self._running:
            reading.until = min(reading.until, soon)
        running = [reading.connection for reading in self._running]
        await asyncio.gather(*(connection.run(lambda _: None) for connection in running))
        if self._looking is not None:
            self._looking.cancel()
            self._looking = None
