"""Units of work: plain functions of a Reader or a Writer, run whole in a connection's thread.

A unit has no `await`, so nothing can wait for the network inside a transaction. Units are made of
units: call one from another, with the same handle.
"""

import logging
import sqlite3
from collections.abc import Callable, Coroutine, Generator, Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeVar

from orjson import loads

from storage.engine import ids
from storage.engine.changes import Change
from storage.engine.clock import milliseconds
from storage.engine.site import Site
from storage.engine.troubles import on_commit
from storage.engine.versioned_cache import VersionedCache

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R", bound="Reader")
Row = tuple[Any, ...]


class Reader:
    """May ask. The whole unit happens at one moment, `now`, and in one place, `here`.

    What it makes of committed rows can be left in `cache` for the next.
    """

    def __init__(
        self,
        connection: sqlite3.Connection,
        now: datetime,
        site: Site,
        cache: VersionedCache | None = None,
    ) -> None:
        self._connection = connection
        self.now = now
        self.site = site
        self.cache = VersionedCache() if cache is None else cache

    @property
    def now_ms(self) -> int:
        return milliseconds(self.now)

    def rows(self, sql: str, *values: Any) -> list[Row]:
        return self._connection.execute(sql, values).fetchall()

    def row(self, sql: str, *values: Any) -> Row | None:
        # All rows: a RETURNING that is not read to its end would keep the group from committing.
        found = self.rows(sql, *values)
        return found[0] if found else None

    def value(self, sql: str, *values: Any) -> Any:
        """The first column of the first row, or None."""
        row = self.row(sql, *values)
        return row[0] if row else None

    def named(self, sql: str, values: dict[str, Any]) -> list[Row]:
        """Read as `rows`, with `:name` in place of `?`."""
        return self._connection.execute(sql, values).fetchall()

    def gather_rows(self, sql: str, values: dict[str, Any], width: int) -> list[Row]:
        """Read as `named`, for many rows of so many columns of text and whole numbers: all in one.

        After each row of SQLite's, a thread must get Python's lock back from the others. With one
        row for forty, a home timeline costs a fifth less while others ask, too.
        """
        names = ", ".join(f"c{number}" for number in range(width))
        rows = self.named(
            f"WITH gathered ({names}) AS ({sql})"
            f" SELECT json_group_array(json_array({names})) FROM gathered",
            values,
        )
        return list(map(tuple, loads(rows[0][0])))


class Writer(Reader):
    """May change. Exists only inside a unit, so no change can escape a transaction.

    Nor can what is made of a change that may still be undone: its `cache` ends with it.
    """

    def __init__(
        self, connection: sqlite3.Connection, now: datetime, site: Site, numbers: ids.Numbers
    ) -> None:
        super().__init__(connection, now, site)
        self._numbers = numbers
        self.changes: list[Change] = []

    def execute(self, sql: str, *values: Any) -> int:
        """Return how many rows changed."""
        return self._connection.execute(sql, values).rowcount

    def execute_named(self, sql: str, values: dict[str, Any]) -> int:
        """Write as `execute`, with `:name` in place of `?`."""
        return self._connection.execute(sql, values).rowcount

    def execute_many(self, sql: str, rows: Iterable[Sequence[Any]]) -> int:
        return self._connection.executemany(sql, rows).rowcount

    def after_commit(self, subject: str, key: str = "") -> None:
        self.changes.append(Change(subject, key))

    def after_commit_each(self, subject: str, keys: Iterable[int]) -> None:
        """Tell as `after_commit`, for many."""
        self.changes.extend(Change(subject, str(key)) for key in keys)

    def new_id(self) -> int:
        return self._numbers.sortable(self.now)

    def id_of(self, moment: datetime) -> int:
        """Number for what others made then; a row may have it already."""
        return self._numbers.of_moment(moment, self.now)

    def new_small_id(self) -> int:
        return self._numbers.small(self.now)


@dataclass(frozen=True, slots=True)
class Moment:
    """Context that a unit is given beside its connection."""

    clock: Callable[[], datetime]
    site: Site
    numbers: ids.Numbers = field(default_factory=ids.Numbers)
    cache: VersionedCache = field(default_factory=VersionedCache)


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of one unit of a group."""

    value: Any = None
    error: BaseException | None = None
    changes: Sequence[Change] = ()


def in_snapshot(connection: sqlite3.Connection, unit: Callable[[Reader], T], moment: Moment) -> T:
    """Run a unit that sees the database as it was at its first question."""
    connection.execute("BEGIN DEFERRED")
    try:
        return _call(unit, Reader(connection, moment.clock(), moment.site, moment.cache))
    finally:
        _roll_back(connection)


def in_group(
    connection: sqlite3.Connection, units: Sequence[Callable[[Writer], Any]], moment: Moment
) -> list[Outcome]:
    """Commit many units at once: one that fails is undone alone, a failing commit undoes all."""
    try:
        connection.execute("BEGIN IMMEDIATE")
        outcomes = [_attempt(connection, unit, moment) for unit in units]
        connection.execute("COMMIT")
    except BaseException as cause:
        _roll_back(connection)
        log.error("a group of %d units was not committed: %s", len(units), cause)
        return [Outcome(error=on_commit(cause, connection)) for _ in units]
    return outcomes


def _attempt(
    connection: sqlite3.Connection, unit: Callable[[Writer], Any], moment: Moment
) -> Outcome:
    writer = Writer(connection, moment.clock(), moment.site, moment.numbers)
    connection.execute("SAVEPOINT unit")
    try:
        outcome = Outcome(_call(unit, writer), changes=writer.changes)
    except BaseException as error:
        if not connection.in_transaction:
            raise  # SQLite rolled the whole group back by itself: disk full, input/output error
        connection.execute("ROLLBACK TO unit")
        outcome = Outcome(error=error)
    connection.execute("RELEASE unit")
    return outcome


def _call(unit: Callable[[R], T], handle: R) -> T:
    try:
        value = unit(handle)
    except StopIteration as error:  # a Future refuses to carry it, and its caller would hang
        raise RuntimeError("a unit raised StopIteration") from error
    if isinstance(value, Coroutine | Generator):
        value.close()
        raise TypeError("a unit is a plain function: it may not wait, nor finish later")
    return value


def _roll_back(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:  # SQLite may have done it by itself
        with suppress(sqlite3.Error):  # if it cannot, the next BEGIN fails and we try again
            connection.execute("ROLLBACK")
