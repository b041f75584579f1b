import asyncio
import resource
import sqlite3
import threading
from pathlib import Path
from typing import Any

import pytest

from storage.engine import instance
from storage.engine.changes import Change
from storage.engine.database import READERS, Database, open_database
from storage.engine.errors import NotCommitted, NotCopied, Overloaded, StorageError
from storage.engine.site import Site
from storage.engine.transaction import Reader, Row, Writer
from tests.support.clock import Watch

SAID = "said"


def say(writer: Writer, word: str, size: int = 1) -> str:
    instance.put(writer, f"word {word}", "x" * size)
    writer.after_commit(SAID, word)
    return word


def say_and_fail(writer: Writer, word: str) -> None:
    say(writer, word)
    raise ValueError(word)


def words(reader: Reader) -> list[str]:
    rows = reader.rows("SELECT substr(key, 6) FROM instance WHERE key LIKE 'word %' ORDER BY key")
    return [word for (word,) in rows]


class Gate:
    """A unit that keeps its thread busy until it is opened."""

    def __init__(self) -> None:
        self.entered, self.opened = threading.Event(), threading.Event()

    def __call__(self, reader: Reader) -> tuple[list[str], list[str]]:
        before = words(reader)
        self.entered.set()
        assert self.opened.wait(10)
        return before, words(reader)


async def test_failing_unit_is_undone_alone(database: Database) -> None:
    heard: list[str] = []
    with database.changes.listen(SAID, lambda change: heard.append(change.key)):
        outcomes = await asyncio.gather(
            database.write(say, "a"),
            database.write(say_and_fail, "b"),
            database.write(say, "c"),
            return_exceptions=True,
        )
    assert [str(outcome) for outcome in outcomes] == ["a", "b", "c"]
    assert isinstance(outcomes[1], ValueError)
    assert await database.read(words) == ["a", "c"] == heard


async def test_hints_are_given_after_the_commit(database: Database, tmp_path: Path) -> None:
    seen: list[Any] = []

    def look(_: Change) -> None:
        other = sqlite3.connect(tmp_path / "db")
        seen.append(other.execute("SELECT value FROM instance WHERE key = 'word a'").fetchall())
        other.close()

    with database.changes.listen(SAID, look):
        await database.write(say, "a")
    assert seen == [[("x",)]]


async def test_listener_that_fails_harms_nobody(
    database: Database, caplog: pytest.LogCaptureFixture
) -> None:
    heard: list[str] = []
    with (
        database.changes.listen(SAID, lambda change: heard.append(f"{1 // 0}")),
        database.changes.listen(SAID, lambda change: heard.append(change.key)),
    ):
        assert await database.write(say, "a") == "a"
    assert heard == ["a"]
    assert "a listener failed" in caplog.text
    await database.write(say, "b")
    assert heard == ["a"]


async def test_reader_sees_one_snapshot(database: Database) -> None:
    gate = Gate()
    reading = asyncio.create_task(database.read(gate))
    await asyncio.to_thread(gate.entered.wait)
    await database.write(say, "a")
    assert await database.read(words) == ["a"]
    gate.opened.set()
    assert await reading == ([], [])


async def test_unit_sees_one_moment(database: Database, watch: Watch) -> None:
    assert await database.write(lambda writer: (writer.now, writer.now_ms)) == (
        watch.now,
        int(watch.now.timestamp() * 1000),
    )


def look_while_another_wants_to_write(writer: Writer, path: Path) -> str:
    """Ask first, as most units do; then somebody else tries to write; then write."""
    words(writer)
    other = sqlite3.connect(path, timeout=0, isolation_level=None)
    try:
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            other.execute("INSERT INTO instance (key, value) VALUES ('other', '')")
    finally:
        other.close()
    return say(writer, "a")


async def test_unit_that_asks_before_it_writes_is_not_overtaken(
    database: Database, tmp_path: Path
) -> None:
    assert await database.write(look_while_another_wants_to_write, tmp_path / "db") == "a"


async def test_readers_cannot_write(database: Database) -> None:
    with pytest.raises(AttributeError):
        await database.read(say, "a")  # type: ignore[arg-type]
    with pytest.raises(sqlite3.OperationalError, match="readonly"):
        await database.read(lambda reader: reader.rows("DELETE FROM instance"))


async def test_unit_neither_waits_nor_finishes_later(database: Database) -> None:
    async def waits(_: Reader) -> None: ...

    def yields(reader: Reader) -> Any:
        yield reader

    for run in (database.read, database.write):
        for unit in (waits, yields):
            with pytest.raises(TypeError, match="plain function"):
                await run(unit)
        with pytest.raises(RuntimeError, match="StopIteration"):
            await run(lambda _: next(iter(())))
    writer = await database.write(lambda writer: writer)
    with pytest.raises(sqlite3.ProgrammingError, match="thread"):
        writer.execute("DELETE FROM instance")


async def test_cancelled_callers_leave_whole_units(database: Database) -> None:
    gate = Gate()
    running = asyncio.create_task(database.write(gate))
    await asyncio.to_thread(gate.entered.wait)
    queued = asyncio.create_task(database.write(say, "never"))
    await asyncio.sleep(0)
    for task in (running, queued):
        task.cancel()
    last = asyncio.create_task(database.write(say, "last"))
    gate.opened.set()
    assert await last == "last"
    assert await database.read(words) == ["last"]


async def test_cancelled_readers_give_their_connection_back(database: Database) -> None:
    for _ in range(5):
        gate = Gate()
        reading = asyncio.create_task(database.read(gate))
        await asyncio.to_thread(gate.entered.wait)
        reading.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reading
        gate.opened.set()
    assert await asyncio.gather(*(database.read(words) for _ in range(5))) == [[]] * 5


async def test_work_beyond_the_limit_is_refused_while_work_already_taken_is_closed(
    tmp_path: Path, site: Site
) -> None:
    async with open_database(tmp_path / "small", site, intake=8) as database:
        gate = Gate()
        running = asyncio.create_task(database.write(gate))
        await asyncio.to_thread(gate.entered.wait)
        queued = [asyncio.create_task(database.write(say, str(number))) for number in range(8)]
        await asyncio.sleep(0)
        assert database.waiting == 8
        with pytest.raises(Overloaded):
            await database.write(say, "too many")
        closing = asyncio.create_task(database.write_always(say, "closing"))
        await asyncio.sleep(0)
        gate.opened.set()
        await asyncio.gather(running, *queued, closing)
        assert await database.read(words) == [*"01234567", "closing"]
        assert await database.write(say, "again") == "again"


async def test_readers_beyond_the_limit_are_refused(tmp_path: Path, site: Site) -> None:
    async with open_database(tmp_path / "small", site, intake=4) as database:
        gates = [Gate() for _ in range(READERS)]
        busy = [asyncio.create_task(database.read(gate)) for gate in gates]
        for gate in gates:
            await asyncio.to_thread(gate.entered.wait)
        queued = [asyncio.create_task(database.read(words)) for _ in range(4)]
        await asyncio.sleep(0)
        with pytest.raises(Overloaded):
            await database.read(words)
        for gate in gates:
            gate.opened.set()
        await asyncio.gather(*busy, *queued)
        assert await database.read(words) == []


async def test_end_serves_what_waits_and_refuses_what_comes_after(
    tmp_path: Path, site: Site
) -> None:
    async with open_database(tmp_path / "db", site) as database:
        gate = Gate()
        running = asyncio.create_task(database.write(gate))
        await asyncio.to_thread(gate.entered.wait)
        before = asyncio.create_task(database.write(say, "before"))
        await asyncio.sleep(0)
        await database.finish()
        late = asyncio.create_task(database.write_always(say, "late"))
        with pytest.raises(Overloaded):
            await database.write(say, "refused")
        gate.opened.set()
        await asyncio.gather(running, before, late)
    for run in (database.write, database.write_always):
        with pytest.raises((NotCommitted, Overloaded)):
            await asyncio.wait_for(run(say, "too late"), 5)
    async with open_database(tmp_path / "db", site) as database:
        assert await database.read(words) == ["before", "late"]


async def test_disk_that_fills_within_a_unit_is_everyones_error_and_passes(
    database: Database,
) -> None:
    await database.write(say, "before")
    pages = await database.read(lambda reader: reader.value("PRAGMA page_count"))
    await database.write(lambda writer: writer.rows(f"PRAGMA max_page_count = {pages + 4}"))
    outcomes = await asyncio.gather(
        database.write(say, "a"), database.write(say, "b", 99_999), return_exceptions=True
    )
    assert [type(outcome) for outcome in outcomes] == [NotCommitted, NotCommitted]
    assert await database.read(words) == ["before"]
    assert await database.read(lambda reader: reader.value("PRAGMA quick_check")) == "ok"
    assert await database.write(say, "small") == "small"
    await database.write(lambda writer: writer.rows(f"PRAGMA max_page_count = {pages + 400}"))
    assert await database.write(say, "large", 99_999) == "large"
    assert await database.read(words) == ["before", "large", "small"]


async def test_file_that_cannot_grow_is_everyones_error_and_passes(
    database: Database, tmp_path: Path
) -> None:
    await database.write(say, "before")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    full = (tmp_path / "db-wal").stat().st_size
    resource.setrlimit(resource.RLIMIT_FSIZE, (full, hard))
    try:
        outcomes = await asyncio.gather(
            *(database.write(say, word) for word in "ab"), return_exceptions=True
        )
        seen = await database.read(words)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert [type(outcome) for outcome in outcomes] == [NotCommitted, NotCommitted]
    assert seen == ["before"]
    await database.write(say, "after")
    assert await database.read(words) == ["after", "before"]


async def test_copy_can_be_made_while_others_write(database: Database, tmp_path: Path) -> None:
    writing = [asyncio.create_task(database.write(say, f"{n:03}")) for n in range(200)]
    await database.vacuum_into(tmp_path / "copy")
    await asyncio.gather(*writing)
    copy = sqlite3.connect(tmp_path / "copy")
    assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    assert copy.execute("SELECT count(*) FROM instance").fetchone()[0] >= 3
    copy.close()
    for _ in range(2):  # the connection that made it only reads again
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            await database.read(lambda reader: reader.rows("DELETE FROM instance"))


async def test_copy_that_cannot_be_made_is_said_to_be_so(
    database: Database, tmp_path: Path
) -> None:
    (tmp_path / "there").write_text("somebody's own")
    for target in (tmp_path / "there", tmp_path / "no folder" / "copy", tmp_path):
        with pytest.raises(StorageError, match="The database could not be copied: ") as failed:
            await database.vacuum_into(target)
        assert type(failed.value) is NotCopied
    assert (tmp_path / "there").read_text() == "somebody's own"
    await database.vacuum_into(tmp_path / "copy")  # and the connection goes on


def write_much(writer: Writer) -> None:
    for number in range(64):
        instance.put(writer, f"large {number}", "x" * (1 << 20))


async def test_copy_that_is_given_up_writes_nothing_more(
    database: Database, tmp_path: Path
) -> None:
    await database.write(write_much)
    folder = tmp_path / "copies"
    folder.mkdir()
    copying = asyncio.create_task(database.vacuum_into(folder / "copy"))
    while not any(folder.iterdir()):
        await asyncio.sleep(0)
    copying.cancel()
    with pytest.raises(asyncio.CancelledError):
        await copying
    left = {path.name: path.stat().st_size for path in folder.iterdir()}
    assert left.get("copy", 0) < 64 << 20
    await asyncio.gather(*(database.read(lambda reader: reader.now) for _ in range(4)))
    assert {path.name: path.stat().st_size for path in folder.iterdir()} == left
    await database.vacuum_into(tmp_path / "copy")  # and the connection goes on


def many_numbers(writer: Writer) -> tuple[list[int], list[int]]:
    return [writer.new_id() for _ in range(70_000)], [writer.new_small_id() for _ in range(3_000)]


async def test_numbers_of_one_database_only_rise(database: Database, watch: Watch) -> None:
    long, small = await database.write(many_numbers)
    watch.now = watch.now.replace(hour=1)  # somebody set the clock back
    later = await database.write(many_numbers)
    for made in (long + later[0], small + later[1]):
        assert made == sorted(set(made))
    assert small[-1] < 1 << 53


async def test_gathered_rows_are_what_they_were(database: Database) -> None:
    sql = "SELECT value, value || :text, NULL, value << 40 FROM json_each(:list) ORDER BY value"
    values = {"text": "“\\ \N{EYE}\x01", "list": "[3, 1, 2]"}

    def both(reader: Reader) -> tuple[list[Row], list[Row]]:
        return reader.gather_rows(sql, values, width=4), reader.named(sql, values)

    gathered, named = await database.read(both)
    assert gathered == named
    assert len(named) == 3
    nothing = await database.read(lambda reader: reader.gather_rows(f"{sql} LIMIT 0", values, 4))
    assert nothing == []
