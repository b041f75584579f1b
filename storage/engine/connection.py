"""A SQLite connection with a thread of its own: the one door into aiosqlite."""

import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Self, TypeVar

import aiosqlite

T = TypeVar("T")

COMMON = ("foreign_keys = ON", "busy_timeout = 5000", "trusted_schema = OFF", "temp_store = MEMORY")
WRITING = (
    "journal_mode = WAL",
    "synchronous = FULL",
    "journal_size_limit = 67108864",
    "cache_size = -8192",
    *COMMON,
)
READING = (*COMMON, "query_only = ON", "cache_size = -4096")


class Connection(aiosqlite.Connection):
    """aiosqlite, with one door more: a whole function in one hop."""

    def __init__(self, path: Path, pragmas: tuple[str, ...]) -> None:
        super().__init__(partial(connect, path, pragmas), iter_chunk_size=64)

    async def __aenter__(self) -> Self:
        try:
            await self
        except BaseException:
            self._thread.join()  # aiosqlite does not wait for it, and it would outlive the loop
            raise
        return self

    async def run(self, function: Callable[[sqlite3.Connection], T]) -> T:
        # `_execute` is private, and the seam that every method of aiosqlite goes through;
        # tests/storage/engine/test_connection.py pins what is relied upon (as `_thread` above).
        result: T = await self._execute(function, self._conn)  # type: ignore[no-untyped-call]
        return result

    def halt(self) -> None:
        """Interrupt the statement that is running, if one is; from any thread."""
        if self._connection is not None:
            self._connection.interrupt()


def connect(path: Path, pragmas: tuple[str, ...]) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, cached_statements=1024)
    try:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
    except BaseException:
        connection.close()
        raise
    return connection
