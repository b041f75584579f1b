"""Numbers only rise, across restarts, whatever the clock did (DECISIONS, Processes)."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from storage.engine import instance
from storage.engine.clock import milliseconds
from storage.engine.database import open_database
from storage.engine.site import Site
from storage.engine.transaction import Writer
from storage.reading import notifications
from tests.storage import cast
from tests.storage.raw import blank
from tests.support.clock import Watch

FIVE_HOURS = timedelta(hours=5)
SAFE = 1 << 53


def both(writer: Writer) -> tuple[int, int]:
    return writer.new_id(), writer.new_small_id()


def a_post(writer: Writer) -> int:
    return int(cast.post(writer, cast.account(writer, f"a{writer.new_id()}")).id)


def a_notification(writer: Writer) -> None:
    who = cast.account(writer, f"a{writer.new_id()}")
    notifications.add(writer, who, "follow", cast.account(writer, f"b{writer.new_id()}"))


@pytest.fixture
def file(tmp_path: Path) -> Iterator[Path]:
    (tmp_path / "db").write_bytes(blank())
    yield tmp_path / "db"


def test_tables_with_numbers_are_all_looked_at() -> None:
    """A table that is not named here would give its numbers again after a restart."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.deserialize(blank())
        tables = {
            name
            for (name,) in connection.execute(
                "SELECT m.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c"
                " WHERE m.type = 'table' AND c.name = 'id' AND c.pk AND c.type = 'INTEGER'"
                " AND m.name NOT LIKE 'post!_words!_%' ESCAPE '!'"
            )
        }
    assert tables == {*instance.SORTABLE, *instance.SMALL}


@pytest.mark.parametrize("make", [a_post, a_notification])
async def test_numbers_rise_across_a_restart_after_a_clock_that_was_ahead(
    file: Path, site: Site, watch: Watch, make: Callable[[Writer], object]
) -> None:
    watch.advance(FIVE_HOURS)
    async with open_database(file, site, watch) as database:
        await database.write(make)
        before = await database.write(both)
        await database.write(make)
    watch.advance(-FIVE_HOURS)
    for _ in range(2):
        async with open_database(file, site, watch) as database:
            after = await database.write(both)
            await database.write(make)
        assert after[0] >> 16 >= before[0] >> 16
        assert after[1] >> 10 >= before[1] >> 10
        assert after[1] < SAFE
        before = after


async def test_numbers_catch_up_with_the_time(file: Path, site: Site, watch: Watch) -> None:
    start = watch.now
    watch.advance(FIVE_HOURS)
    async with open_database(file, site, watch) as database:
        highest = await database.write(a_post)
    watch.now = start
    async with open_database(file, site, watch) as database:
        one, two = await database.write(both), await database.write(both)
        assert highest < one[0] < two[0] < highest + 1000
        watch.advance(FIVE_HOURS + timedelta(seconds=1))
        later = await database.write(both)
    assert later[0] >> 16 == milliseconds(watch.now)
    assert later[1] >> 10 == milliseconds(watch.now)


async def test_clock_without_a_battery_makes_nothing_lower(
    file: Path, site: Site, watch: Watch
) -> None:
    async with open_database(file, site, watch) as database:
        before = await database.write(a_post)
    watch.now = datetime(1970, 1, 1, 0, 1, tzinfo=UTC)
    async with open_database(file, site, watch) as database:
        assert await database.write(a_post) > before


async def test_numbers_of_others_come_on_top_and_old_ones_stay_below(
    file: Path, site: Site, watch: Watch
) -> None:
    start = watch.now
    watch.advance(FIVE_HOURS)
    async with open_database(file, site, watch) as database:
        ours = await database.write(a_post)
        watch.now = start + timedelta(minutes=1)
        fresh, old = start, start - timedelta(days=1)
        numbers = await database.write(lambda w: (w.id_of(fresh), w.id_of(old)))
        assert numbers[0] > ours
        assert numbers[1] >> 16 == milliseconds(old)
        watch.advance(FIVE_HOURS + timedelta(seconds=1))
        said = watch.now - timedelta(minutes=3)
        assert await database.write(lambda w: w.id_of(said) >> 16) == milliseconds(said)
