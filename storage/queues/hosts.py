"""Other servers: what we think of each, and when it may be tried again (RELIABILITY 1).

Whose turn it is to get deliveries is kept twice: for each host (`due`), and for each source, the
registrable domain whose names share their places (`delivery_turns`; SECURITY 91). What was just
served goes behind the others in both.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import IntEnum
from json import dumps
from typing import Literal

from storage.engine.clock import milliseconds, moment
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Row, Writer

Tier = Literal["blocked", "limited", "stranger", "acquaintance", "neighbour"]

AWAKE = "host awake"
DEAD_AFTER_DAYS = 7


class HostState(IntEnum):
    """State by which hosts share places: those known to answer, the others by what is known."""

    KNOWN = 0
    NEW = 1
    FAILING = 2
    DEAD = 3


@dataclass(frozen=True, slots=True)
class Host:
    """`failures` in a row, on `failed_days` distinct days; nothing is sent before `open_at`."""

    host: str
    tier: Tier | None
    open_at: datetime
    failures: int
    failed_days: int
    failed_on: str | None
    last_error: str | None
    standing: HostState

    @property
    def is_dead(self) -> bool:
        return self.standing is HostState.DEAD


_COLUMNS = "host, tier, open_at, failures, failed_days, failed_on, last_error, standing"


def _from_row(row: Row) -> Host:
    host, tier, open_at, failures, days, on, error, standing = row
    return Host(host, tier, moment(open_at), failures, days, on, error, HostState(standing))


def get(reader: Reader, host: str) -> Host:
    """Host as we know it, or a fresh one."""
    row = reader.row(f"SELECT {_COLUMNS} FROM hosts WHERE host = ?", host)
    return _from_row(row) if row else Host(host, None, moment(0), 0, 0, None, None, HostState.NEW)


def names_of(host: str) -> list[str]:
    """The names under which a host may be blocked: itself, without port, and parent domains."""
    labels = host.partition(":")[0].split(".")
    return [host, *(".".join(labels[first:]) for first in range(len(labels)))]


def is_blocked(reader: Reader, *hosts: str) -> bool:
    """Whether any is, also by a parent domain (SECURITY 83)."""
    row = reader.row(
        "SELECT 1 FROM hosts WHERE host IN (SELECT value FROM json_each(?)) AND tier = 'blocked'",
        dumps(sorted({name for host in hosts for name in names_of(host)})),
    )
    return row is not None


def is_limited(reader: Reader, *hosts: str) -> bool:
    """Whether any is, also by a parent domain."""
    row = reader.row(
        "SELECT 1 FROM hosts WHERE host IN (SELECT value FROM json_each(?)) AND tier = 'limited'",
        dumps(sorted({name for host in hosts for name in names_of(host)})),
    )
    return row is not None


def rejects(reader: Reader, host: str) -> tuple[bool, bool]:
    """Whether we take (media, reports) from nobody there, as its name or a parent's says."""
    row = reader.row(
        "SELECT ifnull(max(reject_media), 0), ifnull(max(reject_reports), 0) FROM hosts"
        " WHERE host IN (SELECT value FROM json_each(?))",
        dumps(names_of(host)),
    )
    return (bool(row[0]), bool(row[1])) if row else (False, False)


def refuses_media(reader: Reader, *hosts: str) -> bool:
    """Whether nothing is shown that lies there: the host is blocked, or its media are."""
    row = reader.row(
        "SELECT 1 FROM hosts WHERE host IN (SELECT value FROM json_each(?))"
        " AND (tier = 'blocked' OR reject_media)",
        dumps(sorted({name for host in hosts for name in names_of(host)})),
    )
    return row is not None


def set_tier(writer: Writer, host: str, tier: Tier | None) -> None:
    """Set the tier; until `settled`, not all of that host need have followed (`domain_blocks`)."""
    writer.execute(
        "INSERT INTO hosts (host, tier, unsettled) VALUES (?, ?, 1)"
        " ON CONFLICT (host) DO UPDATE SET tier = excluded.tier, unsettled = unsettled + 1",
        host,
        tier,
    )


def list_unsettled(reader: Reader) -> dict[str, int]:
    """Hosts whose actors have yet to follow their tier, and how often it was set meanwhile."""
    return dict(reader.rows("SELECT host, unsettled FROM hosts WHERE unsettled > 0"))


def record_settled(writer: Writer, host: str, times: int) -> None:
    """Note that its actors have followed, unless its tier was set once more than these times."""
    writer.execute("UPDATE hosts SET unsettled = 0 WHERE host = ? AND unsettled = ?", host, times)


def count_stranger(writer: Writer, host: str, window: timedelta) -> int:
    """Count a delivery by somebody whom nobody here follows; return how many in the window now."""
    began = writer.now_ms - int(window.total_seconds() * 1000)
    rows = writer.named(
        """
        INSERT INTO hosts (host, strangers, strangers_since) VALUES (:host, 1, :now)
        ON CONFLICT (host) DO UPDATE SET
        strangers = iif(strangers_since > :began, strangers + 1, 1),
        strangers_since = iif(strangers_since > :began, strangers_since, :now)
        RETURNING strangers
        """,
        {"host": host, "now": writer.now_ms, "began": began},
    )
    count: int = rows[0][0]
    return count


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """Limit decided about a server; `tier` is blocked, limited, or None for neither."""

    id: int
    host: str
    tier: Tier | None
    since: datetime
    reject_media: bool = False
    reject_reports: bool = False
    private_comment: str | None = None
    public_comment: str | None = None
    obfuscate: bool = False


_LIMITS = (
    "limit_id, host, tier, limited_at, reject_media, reject_reports, private_comment,"
    " public_comment, obfuscate"
)


def _limit(row: Row) -> Limit:
    values = dict(zip(Limit.__dataclass_fields__, row, strict=True))
    values["since"] = moment(values["since"])
    for name in ("reject_media", "reject_reports", "obfuscate"):
        values[name] = bool(values[name])
    return Limit(**values)


def limit_by_id(reader: Reader, id_: int) -> Limit | None:
    row = reader.row(f"SELECT {_LIMITS} FROM hosts WHERE limit_id = ?", id_)
    return _limit(row) if row else None


def limit_of(reader: Reader, host: str) -> Limit | None:
    """Limit of this very name."""
    row = reader.row(f"SELECT {_LIMITS} FROM hosts WHERE host = ? AND limit_id IS NOT NULL", host)
    return _limit(row) if row else None


def page_of_limits(reader: Reader, page: Page) -> list[Limit]:
    rows = reader.named(
        f"SELECT {_LIMITS} FROM hosts WHERE limit_id < :below AND limit_id > :above"
        f" ORDER BY limit_id {page.order} LIMIT :limit",
        page.values,
    )
    return sorted((_limit(row) for row in rows), key=lambda one: -one.id)


def put_limit(writer: Writer, limit: Limit) -> None:
    """Write all but the tier, which is set by `set_tier` with what follows from it."""
    writer.execute(
        """
        INSERT INTO hosts (host, limit_id, limited_at, reject_media, reject_reports,
        private_comment, public_comment, obfuscate) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
        ON CONFLICT (host) DO UPDATE SET limit_id = excluded.limit_id,
        limited_at = excluded.limited_at, reject_media = excluded.reject_media,
        reject_reports = excluded.reject_reports, private_comment = excluded.private_comment,
        public_comment = excluded.public_comment, obfuscate = excluded.obfuscate
        """,
        limit.host,
        limit.id,
        milliseconds(limit.since),
        limit.reject_media,
        limit.reject_reports,
        limit.private_comment,
        limit.public_comment,
        limit.obfuscate,
    )


def lift_limit(writer: Writer, host: str) -> None:
    writer.execute(
        "UPDATE hosts SET limit_id = NULL, limited_at = NULL, reject_media = 0,"
        " reject_reports = 0, private_comment = NULL, public_comment = NULL, obfuscate = 0"
        " WHERE host = ?",
        host,
    )


def list_with_tier(reader: Reader) -> list[Host]:
    """Hosts that have a tier, by name."""
    rows = reader.rows(f"SELECT {_COLUMNS} FROM hosts WHERE tier IS NOT NULL ORDER BY host")
    return [_from_row(row) for row in rows]


# ---- whose turn it is ----


@dataclass(frozen=True, slots=True)
class Turn:
    """A source whose hosts of one standing have something due; `failing` when some of it fail."""

    source: str
    standing: HostState
    failing: bool


_IS_FAILING = (
    "EXISTS (SELECT 1 FROM delivery_turns dd WHERE dd.source = dt.source AND dd.standing >= 2)"
)


def next_turns(reader: Reader, standing: HostState, but: Collection[str], most: int) -> list[Turn]:
    """Sources that have waited for longest, without those named."""
    rows = reader.rows(
        f"SELECT dt.source, {_IS_FAILING} FROM delivery_turns dt WHERE dt.standing = ?"
        " AND dt.due <= ? AND dt.source NOT IN (SELECT value FROM json_each(?))"
        " ORDER BY dt.due LIMIT ?",
        standing,
        reader.now_ms,
        dumps(list(but)),
        most,
    )
    return [Turn(source, standing, bool(failing)) for source, failing in rows]


def turns_of(reader: Reader, standing: HostState, sources: Collection[str]) -> list[Turn]:
    """Turns of the named sources that have something due, in the order of the names given."""
    rows = reader.rows(
        f"SELECT dt.source, {_IS_FAILING} FROM json_each(?) j CROSS JOIN delivery_turns dt"
        " WHERE dt.source = j.value AND dt.standing = ? AND dt.due <= ?",
        dumps(list(sources)),
        standing,
        reader.now_ms,
    )
    return [Turn(source, standing, bool(failing)) for source, failing in rows]


def next_of(reader: Reader, turn: Turn, but: Collection[str], most: int) -> list[str]:
    """Hosts of a source that have waited for longest, without those named."""
    rows = reader.rows(
        "SELECT host FROM hosts WHERE source = ? AND standing = ? AND due <= ?"
        " AND host NOT IN (SELECT value FROM json_each(?)) ORDER BY due LIMIT ?",
        turn.source,
        turn.standing,
        reader.now_ms,
        dumps(list(but)),
        most,
    )
    return [host for (host,) in rows]


def without_source(reader: Reader, most: int = 500) -> list[str]:
    """Hosts that wait for a turn and have no source yet: nothing goes to them before `place`."""
    rows = reader.rows(
        "SELECT host FROM hosts WHERE source IS NULL AND due IS NOT NULL LIMIT ?", most
    )
    return [host for (host,) in rows]


def place(writer: Writer, sources: Iterable[tuple[str, str]]) -> None:
    """Say of hosts whose places they take: (host, source)."""
    for host, source in sources:
        writer.execute("UPDATE hosts SET source = ? WHERE host = ?", source, host)
        schedule(writer, host)


def expect(writer: Writer, host: str, due: int) -> None:
    """Note one delivery more, which may go at `due`; nobody's turn is put off by that."""
    writer.execute("INSERT INTO hosts (host) VALUES (?) ON CONFLICT DO NOTHING", host)
    earlier = writer.execute(
        "UPDATE hosts SET due = max(open_at, ?) WHERE host = ?"
        " AND (due IS NULL OR due > max(open_at, ?))",
        due,
        host,
        due,
    )
    if earlier:
        writer.execute(
            "INSERT INTO delivery_turns (source, standing, due) SELECT source, standing, due"
            " FROM hosts WHERE host = ? AND source IS NOT NULL ON CONFLICT (source, standing)"
            " DO UPDATE SET due = min(due, max(served_at, excluded.due))",
            host,
        )


def schedule(writer: Writer, host: str, *, served: bool = False) -> None:
    """Note when the host's next delivery may go, or that none waits; `served` ones go last."""
    writer.execute("INSERT INTO hosts (host) VALUES (?) ON CONFLICT DO NOTHING", host)
    writer.execute(
        # min() stands alone: the first entry of an index, and not a walk over all deliveries
        "UPDATE hosts SET due = max(open_at, ?, (SELECT min(d.due) FROM deliveries d"
        " WHERE d.host = hosts.host AND d.state = 'due')) WHERE host = ?",
        writer.now_ms if served else 0,
        host,
    )
    row = writer.row("SELECT source, standing FROM hosts WHERE host = ?", host)
    if row and row[0] is not None:
        _schedule_source(writer, *row, served=served)


def _schedule_source(writer: Writer, source: str, standing: int, *, served: bool) -> None:
    """Let its turns follow its hosts; one of them may have changed its standing."""
    writer.execute(
        "INSERT INTO delivery_turns (source, standing) VALUES (?, ?) ON CONFLICT DO NOTHING",
        source,
        standing,
    )
    writer.named(
        """
        UPDATE delivery_turns SET served_at = iif(standing = :standing, :served, served_at),
        due = max(iif(standing = :standing, :served, served_at),
        (SELECT min(h.due) FROM hosts h WHERE h.source = delivery_turns.source
        AND h.standing = delivery_turns.standing AND h.due IS NOT NULL)) WHERE source = :source
        """,
        {"source": source, "standing": standing, "served": writer.now_ms if served else 0},
    )
    writer.execute("DELETE FROM delivery_turns WHERE source = ? AND due IS NULL", source)


# ---- how it answers ----


def record_failure(
    writer: Writer, host: str, pause: timedelta, error: str, *, as_asked: bool = False
) -> None:
    """Note that a host did not answer: nothing is sent to it before the pause is over.

    A pause that it asked for is not cut short by what it says meanwhile.
    """
    open_at = milliseconds(writer.now + pause)
    writer.named(
        """
        INSERT INTO hosts (host, open_at, failures, failed_days, failed_on, last_error, heard_at)
        VALUES (:host, :open_at, 1, 1, :today, :error, :quiet)
        ON CONFLICT (host) DO UPDATE SET open_at = excluded.open_at, failures = failures + 1,
        last_error = excluded.last_error, heard_at = ifnull(:quiet, heard_at),
        failed_days = failed_days + (failed_on IS NULL OR failed_on <> excluded.failed_on),
        failed_on = excluded.failed_on
        """,
        {
            "host": host,
            "open_at": open_at,
            "today": writer.now.date().isoformat(),
            "error": error,
            "quiet": open_at if as_asked else None,
        },
    )
    schedule(writer, host, served=True)


def record_success(writer: Writer, host: str, *, slow: bool = False) -> None:
    """Note that a host answered: all held against it is forgotten, but that it took its time."""
    writer.named(
        "INSERT INTO hosts (host, reached_at, slow) VALUES (:host, :now, :slow)"
        " ON CONFLICT (host) DO UPDATE SET failures = 0, failed_days = 0, failed_on = NULL,"
        " last_error = NULL, open_at = 0, reached_at = excluded.reached_at, slow = excluded.slow",
        {"host": host, "now": writer.now_ms, "slow": slow},
    )
    schedule(writer, host, served=True)


def record_fault(writer: Writer, host: str) -> None:
    """Note that a host answered with a fault of its own, and took its time."""
    writer.execute("UPDATE hosts SET slow = 1 WHERE host = ?", host)
    schedule(writer, host, served=True)


def wake(writer: Writer, host: str) -> None:
    """Let the next probe go now, as the host sent a signed request; forgive nothing (SECURITY 91).

    Once only in as many hours as it failed times in a row, a day at most.
    """
    brought_forward = writer.execute(
        "UPDATE hosts SET open_at = 0, heard_at = ? WHERE host = ? AND failures > 0"
        " AND open_at > ? AND ifnull(heard_at, 0) + min(failures, 24) * 3600000 <= ?",
        writer.now_ms,
        host,
        writer.now_ms,
        writer.now_ms,
    )
    if brought_forward:
        schedule(writer, host)
        writer.after_commit(AWAKE, host)


def list_troubled(reader: Reader) -> list[Host]:
    rows = reader.rows(f"SELECT {_COLUMNS} FROM hosts WHERE failures > 0 ORDER BY host")
    return [_from_row(row) for row in rows]
