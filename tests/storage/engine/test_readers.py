"""A read that never ends is ended, and its reader goes on (SECURITY 94)."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import sleep

import pytest

from storage.engine import instance
from storage.engine.database import READERS, Database, open_database
from storage.engine.errors import TookTooLong
from storage.engine.readers import ALLOWANCE
from storage.engine.site import Site
from storage.engine.transaction import Reader
from tests.support.clock import Watch

ENDLESS = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT max(x) FROM n"


def never_ends(reader: Reader) -> None:
    reader.rows(ENDLESS)


def begins_late(reader: Reader) -> None:
    """Begin after whoever asked has gone."""
    sleep(0.2)
    reader.rows(ENDLESS)


def lives_with_errors(reader: Reader) -> list[object]:
    """Live with errors, as a search does with words that SQLite cannot read."""
    try:
        return list(reader.rows(ENDLESS))
    except sqlite3.OperationalError:
        return []


def goes_on_and_on(reader: Reader) -> None:
    """Statements that are short, and too many."""
    while True:
        reader.rows("SELECT count(*) FROM sqlite_schema")


def ready(reader: Reader) -> str | None:
    return instance.get(reader, "domain")


@dataclass
class Given:
    """An allowance that notes what is charged."""

    seconds: float
    charged: list[float] = field(default_factory=list)
    held: int = 0

    @asynccontextmanager
    async def place(self) -> AsyncIterator[None]:
        self.held += 1
        try:
            yield
        finally:
            self.held -= 1

    def charge(self, seconds: float) -> None:
        self.charged.append(seconds)


@contextmanager
def allowed(seconds: float) -> Iterator[Given]:
    given = Given(seconds)
    token = ALLOWANCE.set(given)
    try:
        yield given
    finally:
        ALLOWANCE.reset(token)


@pytest.mark.parametrize("unit", [never_ends, lives_with_errors, goes_on_and_on])
async def test_read_that_never_ends_is_interrupted_and_its_reader_goes_on(
    database: Database, unit: Callable[[Reader], object]
) -> None:
    for _ in range(READERS + 1):
        with allowed(0.01) as given, pytest.raises(TookTooLong):
            await database.read(unit)
        assert given.charged == [0.01]
        assert given.held == 0
    found = await asyncio.gather(*(database.read(ready) for _ in range(READERS * 2)))
    assert found == ["home.example"] * READERS * 2
    assert database.readers.in_use == 0
    assert database.readers.interrupted == READERS + 1


async def test_read_is_charged_what_it_cost_and_no_more(database: Database) -> None:
    with allowed(5.0) as given:
        await database.read(ready)
    assert len(given.charged) == 1
    assert 0 < given.charged[0] < 1


async def test_read_that_has_to_wait_for_the_machine_is_not_called_long(
    database: Database,
) -> None:
    """Wait counts neither where its thread is stuck, nor where the loop is late to its answer."""

    def waits(reader: Reader) -> str | None:
        sleep(0.3)
        return ready(reader)

    with allowed(0.1) as given:
        assert await database.read(waits) == "home.example"
        answer = asyncio.create_task(database.read(ready))
        await asyncio.sleep(0)
        sleep(0.7)
        assert await answer == "home.example"
    assert max(given.charged) < 0.1


async def test_read_that_nobody_waits_for_any_more_is_ended(database: Database) -> None:
    for _ in range(READERS + 1):
        reading = asyncio.create_task(database.read(never_ends))
        while not database.readers.in_use:
            await asyncio.sleep(0)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        while database.readers.in_use:  # until its thread has left it
            await asyncio.sleep(0)
    assert await database.read(ready) == "home.example"


async def test_copy_takes_none_of_the_readers(database: Database, tmp_path: Path) -> None:
    readers = database.readers
    seen = []
    copying = asyncio.create_task(database.vacuum_into(tmp_path / "copy"))
    while not copying.done():
        seen.append(readers.in_use)
        await asyncio.sleep(0)
    await copying
    assert set(seen) == {0}


async def test_read_that_begins_after_it_was_told_to_stop_keeps_no_database_open(
    tmp_path: Path, site: Site, watch: Watch
) -> None:
    """Its caller is gone before its thread has begun: then an interruption has no effect yet."""
    async with asyncio.timeout(60):
        async with open_database(tmp_path / "db", site, watch) as opened:
            readers = opened.readers
            for _ in range(READERS):
                reading = asyncio.create_task(opened.read(begins_late))
                await asyncio.sleep(0)
                reading.cancel()
                await asyncio.gather(reading, return_exceptions=True)
        await asyncio.sleep(0)
        assert readers.in_use == 0
