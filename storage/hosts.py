"""Other servers: what we think of each, and when it may be tried again (RELIABILITY 1)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from json import dumps

from storage.clock import milliseconds, moment
from storage.units import Reader, Row, Writer

AWAKE = "host awake"
DEAD_AFTER_DAYS = 7


@dataclass(frozen=True, slots=True)
class Host:
    """`failures` in a row, on `failed_days` distinct days; nothing is sent before `open_at`."""

    host: str
    tier: str | None
    open_at: datetime
    failures: int
    failed_days: int
    failed_on: str | None
    last_error: str | None

    @property
    def is_dead(self) -> bool:
        return self.failed_days >= DEAD_AFTER_DAYS


_COLUMNS = "host, tier, open_at, failures, failed_days, failed_on, last_error"


def _from_row(row: Row) -> Host:
    host, tier, open_at, failures, days, on, error = row
    return Host(host, tier, moment(open_at), failures, days, on, error)


def get(reader: Reader, host: str) -> Host:
    """What we know, or a fresh one."""
    row = reader.row(f"SELECT {_COLUMNS} FROM hosts WHERE host = ?", host)
    return _from_row(row) if row else Host(host, None, moment(0), 0, 0, None, None)


def names_of(host: str) -> list[str]:
    """The names under which a host may be blocked: itself, without port, and parent domains."""
    labels = host.partition(":")[0].split(".")
    return [host, *(".".join(labels[first:]) for first in range(len(labels)))]


def is_blocked(reader: Reader, host: str) -> bool:
    """Also where a parent domain is blocked (SECURITY 83)."""
    row = reader.row(
        "SELECT 1 FROM hosts WHERE host IN (SELECT value FROM json_each(?)) AND tier = 'blocked'",
        dumps(names_of(host)),
    )
    return row is not None


def set_tier(writer: Writer, host: str, tier: str | None) -> None:
    writer.execute(
        "INSERT INTO hosts (host, tier) VALUES (?, ?)"
        " ON CONFLICT (host) DO UPDATE SET tier = excluded.tier",
        host,
        tier,
    )


def schedule(writer: Writer, host: str) -> None:
    """Note when the host's next letter may go, or that none waits."""
    writer.execute("INSERT INTO hosts (host) VALUES (?) ON CONFLICT DO NOTHING", host)
    writer.execute(
        # min() stands alone, so it is the first entry of an index and not a walk over all letters
        "UPDATE hosts SET due = max(open_at, (SELECT min(d.due) FROM deliveries d"
        " WHERE d.host = hosts.host AND d.state = 'due')) WHERE host = ?",
        host,
    )


def failed(writer: Writer, host: str, pause: timedelta, error: str) -> None:
    """It did not answer: nothing is sent to it before the pause is over."""
    today = writer.now.date().isoformat()
    writer.execute(
        "INSERT INTO hosts (host, open_at, failures, failed_days, failed_on, last_error)"
        " VALUES (?1, ?2, 1, 1, ?3, ?4) ON CONFLICT (host) DO UPDATE SET open_at = ?2,"
        " failures = failures + 1, last_error = ?4,"
        " failed_days = failed_days + (failed_on IS NULL OR failed_on <> ?3), failed_on = ?3",
        host,
        milliseconds(writer.now + pause),
        today,
        error,
    )
    schedule(writer, host)


def reached(writer: Writer, host: str) -> None:
    """It answered: whatever we held against it is forgotten."""
    writer.execute(
        "INSERT INTO hosts (host, reached_at) VALUES (?1, ?2) ON CONFLICT (host) DO UPDATE SET"
        " failures = 0, failed_days = 0, failed_on = NULL, last_error = NULL, open_at = 0,"
        " reached_at = ?2",
        host,
        writer.now_ms,
    )
    schedule(writer, host)


def heard_from(writer: Writer, host: str) -> None:
    """It spoke to us, signed: so it is there, and what waits for it may go (RELIABILITY 1)."""
    opened = writer.execute(
        "UPDATE hosts SET failures = 0, failed_days = 0, failed_on = NULL, open_at = 0,"
        " heard_at = ?2 WHERE host = ?1 AND failures > 0",
        host,
        writer.now_ms,
    )
    if opened:
        schedule(writer, host)
        writer.after_commit(AWAKE, host)


def troubled(reader: Reader) -> list[Host]:
    rows = reader.rows(f"SELECT {_COLUMNS} FROM hosts WHERE failures > 0 ORDER BY host")
    return [_from_row(row) for row in rows]
