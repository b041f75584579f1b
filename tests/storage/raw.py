"""A database in memory, and units called without a thread: for sweeps and for plans of queries."""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from functools import cache
from pathlib import Path
from typing import Any

from storage.engine.connection import COMMON
from storage.engine.ids import Numbers
from storage.engine.schema import migrate, scripts
from storage.engine.site import Site
from storage.engine.transaction import Row, Writer
from tests.support.clock import Watch

HERE = Site("home.example", "home.example")


@cache
def blank() -> bytes:
    """A database file as all migrations leave it."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as raw:
        migrate(raw, Path("unused"))
        return raw.serialize()


class _Fleeting(sqlite3.Connection):
    """Closed once nobody holds it: since 3.13 Python complains of one that was never closed."""

    def __del__(self) -> None:
        self.close()


def memory(up_to: int | None = None) -> sqlite3.Connection:
    """Our tables, as the first so many migrations make them."""
    raw = sqlite3.connect(
        ":memory:", isolation_level=None, factory=_Fleeting, check_same_thread=False
    )
    if up_to is None:
        raw.deserialize(blank())
    for pragma in COMMON:
        raw.execute(f"PRAGMA {pragma}")
    for number, script in scripts().items():
        if up_to is not None and number <= up_to:
            raw.executescript(script.read_text())
    return raw


def writer_on(raw: sqlite3.Connection, watch: Watch | None = None) -> Writer:
    return Writer(raw, (watch or Watch())(), HERE, Numbers())


@contextmanager
def undone(raw: sqlite3.Connection) -> Iterator[None]:
    """Whatever is written inside is gone afterwards."""
    raw.execute("BEGIN")
    try:
        yield
    finally:
        raw.execute("ROLLBACK")


def steps(raw: sqlite3.Connection, question: Callable[[], object]) -> int:
    """Number of instructions that SQLite's machine carries out to answer."""
    count = 0

    def step() -> int:
        nonlocal count
        count += 1
        return 0

    raw.set_progress_handler(step, 1)
    try:
        question()
    finally:
        raw.set_progress_handler(None, 0)
    return count


class Explained(Writer):
    """Notes the plan of every statement that a unit runs: (statement, line of its plan)."""

    def __init__(self, raw: sqlite3.Connection) -> None:
        super().__init__(raw, Watch()(), HERE, Numbers())
        self.plan: list[tuple[str, str]] = []

    def rows(self, sql: str, *values: Any) -> list[Row]:
        self._explain(sql, values)
        return super().rows(sql, *values)

    def named(self, sql: str, values: dict[str, Any]) -> list[Row]:
        self._explain(sql, values)
        return super().named(sql, values)

    def execute(self, sql: str, *values: Any) -> int:
        self._explain(sql, values)
        return super().execute(sql, *values)

    def execute_named(self, sql: str, values: dict[str, Any]) -> int:
        self._explain(sql, values)
        return super().execute_named(sql, values)

    def _explain(self, sql: str, values: Any) -> None:
        lines = self._connection.execute(f"EXPLAIN QUERY PLAN {sql}", values).fetchall()
        self.plan += [(sql, line[3]) for line in lines]
