import sqlite3
import threading
from inspect import iscoroutinefunction
from pathlib import Path

import aiosqlite
import pytest

from storage.engine.connection import READING, WRITING, Connection

PRAGMAS = ("journal_mode", "synchronous", "foreign_keys", "trusted_schema", "busy_timeout")


def settings(raw: sqlite3.Connection) -> list[object]:
    return [raw.execute(f"PRAGMA {name}").fetchone()[0] for name in PRAGMAS]


async def test_function_runs_whole_in_the_thread_of_its_connection(tmp_path: Path) -> None:
    assert iscoroutinefunction(aiosqlite.Connection._execute)  # what Connection.run relies upon
    async with Connection(tmp_path / "db", WRITING) as connection:
        thread = await connection.run(lambda raw: threading.get_ident())
        assert thread != threading.get_ident()
        assert thread == await connection.run(lambda raw: threading.get_ident())
        with pytest.raises(ZeroDivisionError):
            await connection.run(lambda raw: 1 // 0)
        assert await connection.run(lambda raw: raw.in_transaction) is False
    with pytest.raises(ValueError, match="no active connection"):
        await connection.run(settings)


async def test_writer_is_durable_and_strict_and_readers_only_ask(tmp_path: Path) -> None:
    async with Connection(tmp_path / "db", WRITING) as writing:
        assert await writing.run(settings) == ["wal", 2, 1, 0, 5000]
        async with Connection(tmp_path / "db", READING) as reading:
            assert await reading.run(settings) == ["wal", 2, 1, 0, 5000]
            with pytest.raises(sqlite3.OperationalError, match="readonly"):
                await reading.run(lambda raw: raw.execute("CREATE TABLE t (x)"))


async def test_connection_that_cannot_be_made_leaves_no_thread(tmp_path: Path) -> None:
    (tmp_path / "letter").write_text("Dear diary, " * 1000)
    before = set(threading.enumerate())
    for path in (tmp_path / "letter", tmp_path / "nowhere" / "db"):
        with pytest.raises(sqlite3.DatabaseError):
            async with Connection(path, WRITING):
                pass
        assert set(threading.enumerate()) <= before


async def test_extensions_cannot_be_loaded(tmp_path: Path) -> None:
    async with Connection(tmp_path / "db", WRITING) as connection:
        with pytest.raises(sqlite3.OperationalError, match="not authorized"):
            await connection.run(lambda raw: raw.execute("SELECT load_extension('x')"))
