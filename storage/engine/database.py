"""SQLite in one file: readers that each see a snapshot, one writer that commits in groups."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

from storage.engine import instance
from storage.engine.changes import Changes
from storage.engine.clock import Clock, system_clock
from storage.engine.connection import READING, WRITING, Connection
from storage.engine.errors import NotCommitted, NotCopied, Overloaded, StorageError
from storage.engine.readers import Readers
from storage.engine.schema import check, migrate
from storage.engine.site import Site
from storage.engine.transaction import Moment, Outcome, Reader, Writer, in_group
from storage.engine.troubles import is_full, no_room, on_opening

P = ParamSpec("P")
T = TypeVar("T")

READERS = 5  # what may take long has four of them at most: server/http/allowances.py
GROUP = 256


@dataclass(frozen=True, slots=True)
class _Waiting:
    unit: Callable[[Writer], Any]
    answer: "asyncio.Future[Any]"

    def resume(self, outcome: Outcome) -> None:
        if self.answer.done():  # its caller was cancelled meanwhile
            return
        if outcome.error is not None:
            self.answer.set_exception(outcome.error)
        else:
            self.answer.set_result(outcome.value)


class Database:
    """Runs units of work. Cancelling a caller never cuts a unit in two."""

    def __init__(
        self, path: Path, writing: Connection, readers: Readers, moment: Moment, intake: int
    ) -> None:
        self.changes = Changes()
        self.site = moment.site
        self.readers = readers
        self._path = path
        self._writing = writing
        self._moment = moment
        self._intake = intake
        self._queue: asyncio.Queue[_Waiting | None] = asyncio.Queue()
        self._closing = self._closed = False

    @property
    def waiting(self) -> int:
        """Number of units that wait for the writer."""
        return self._queue.qsize()

    async def read(
        self, unit: Callable[Concatenate[Reader, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a unit on one snapshot. Raises Overloaded when too many already wait.

        Raises TookTooLong when it is interrupted, after what its caller's allowance gives it.
        """

        def run(reader: Reader) -> T:
            return unit(reader, *args, **kwargs)

        return await self.readers.run(run)

    async def write(
        self, unit: Callable[Concatenate[Writer, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a unit and return once it is committed. Raises Overloaded when too many wait."""
        if self._closing or self._queue.qsize() >= self._intake:
            raise Overloaded("too many changes are waiting")
        return await self.write_always(unit, *args, **kwargs)

    async def write_always(
        self, unit: Callable[Concatenate[Writer, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Write as `write`, for closing what was already taken in: never refused for being many.

        Raises NotCommitted once the writer has gone.
        """
        if self._closed:
            raise NotCommitted("the database is closed")

        def run(writer: Writer) -> T:
            return unit(writer, *args, **kwargs)

        answer: asyncio.Future[T] = asyncio.get_running_loop().create_future()
        self._queue.put_nowait(_Waiting(run, answer))
        return await answer

    async def commit_groups(self) -> None:
        """Serve the queue until it has held None, and nothing is left in it."""
        going_on = True
        while going_on or not self._queue.empty():
            taken = [await self._queue.get()]
            while len(taken) < GROUP and not self._queue.empty():
                taken.append(self._queue.get_nowait())
            going_on = going_on and None not in taken
            await self._commit([waiting for waiting in taken if waiting])
        self._closed = True

    async def _commit(self, taken: list[_Waiting]) -> None:
        group = [waiting for waiting in taken if not waiting.answer.done()]
        units = [waiting.unit for waiting in group]
        outcomes = await self._writing.run(partial(in_group, units=units, moment=self._moment))
        for waiting, outcome in zip(group, outcomes, strict=True):
            waiting.resume(outcome)
            for change in outcome.changes:
                self.changes.tell(change)

    async def vacuum_into(self, copy: Path) -> None:
        """A consistent copy of the whole file, made while others write. Raises NotCopied.

        On a connection of its own: it takes long, and the readers are for those who wait.
        """
        async with Connection(self._path, READING) as connection:
            copying = asyncio.ensure_future(connection.run(lambda raw: _vacuum(raw, copy)))
            try:
                await asyncio.shield(copying)
            except asyncio.CancelledError:  # whoever asked may take the folder away afterwards
                connection.halt()
                await asyncio.gather(copying, return_exceptions=True)
                raise
            except sqlite3.Error as error:
                why = no_room(copy.parent) if is_full(error, copy.parent) else f"{error}."
                raise NotCopied(f"The database could not be copied: {why}") from error

    async def finish(self) -> None:
        """Take no more units; those that wait are still served."""
        self._closing = True
        await self._queue.put(None)


def _vacuum(connection: sqlite3.Connection, copy: Path) -> None:
    connection.execute("PRAGMA query_only = OFF")  # SQLite counts the copy as a write
    try:
        connection.execute("VACUUM INTO ?", (str(copy),))
    finally:
        connection.execute("PRAGMA query_only = ON")


def _prepare(connection: sqlite3.Connection, path: Path, site: Site, moment: Moment) -> None:
    check(connection)
    migrate(connection, path)
    settled, highest = in_group(
        connection, [partial(instance.settle, site=site), instance.highest], moment
    )
    for outcome in (settled, highest):
        if outcome.error is not None:
            raise outcome.error
    moment.numbers.go_on_above(*highest.value)


def _keep_private(path: Path) -> None:
    """Keep others from reading it; files that SQLite makes beside it get the same rights."""
    path.touch(0o600)
    path.chmod(0o600)


@asynccontextmanager
async def open_database(
    path: Path, site: Site, clock: Clock = system_clock, intake: int = 2000
) -> AsyncIterator[Database]:
    """Open (or make) the file. Raises CannotOpen, NewerSchema, OtherInstance, Damaged."""
    moment = Moment(clock, site)
    async with AsyncExitStack() as stack:
        try:
            _keep_private(path)
            writing = await stack.enter_async_context(Connection(path, WRITING))
            await writing.run(partial(_prepare, path=path, site=site, moment=moment))
        except (OSError, sqlite3.Error, UnicodeDecodeError, StorageError) as error:  # spoiled text
            raise on_opening(error, path) from error
        reading = [
            await stack.enter_async_context(Connection(path, READING)) for _ in range(READERS)
        ]
        readers = Readers(reading, moment, intake)
        stack.push_async_callback(readers.close)
        database = Database(path, writing, readers, moment, intake)
        writer = asyncio.create_task(database.commit_groups(), name="writer")
        try:
            yield database
        finally:
            await database.finish()
            await writer
