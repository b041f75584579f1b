"""Other servers: what we think of each, and when it may be tried again (RELIABILITY 1)."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from json import dumps

from storage.clock import milliseconds, moment
from storage.paging import Page
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


def set_tier(writer: Writer, host: str, tier: str | None) -> None:
    """Until `settled`, not everybody of that host need have followed (storage/domain_blocks.py)."""
    writer.execute(
        "INSERT INTO hosts (host, tier, unsettled) VALUES (?, ?, 1)"
        " ON CONFLICT (host) DO UPDATE SET tier = excluded.tier, unsettled = unsettled + 1",
        host,
        tier,
    )


def unsettled(reader: Reader) -> dict[str, int]:
    """Hosts whose actors have yet to follow their tier, and how often it was set meanwhile."""
    return dict(reader.rows("SELECT host, unsettled FROM hosts WHERE unsettled > 0"))


def settled(writer: Writer, host: str, times: int) -> None:
    """They have followed, unless it was set once more than these times."""
    writer.execute("UPDATE hosts SET unsettled = 0 WHERE host = ? AND unsettled = ?", host, times)


def count_stranger(writer: Writer, host: str, window: timedelta) -> int:
    """One more letter from somebody whom nobody here follows; how many in the window by now."""
    began = writer.now_ms - int(window.total_seconds() * 1000)
    rows = writer.named(
        "INSERT INTO hosts (host, strangers, strangers_since) VALUES (:host, 1, :now)"
        " ON CONFLICT (host) DO UPDATE SET"
        " strangers = iif(strangers_since > :began, strangers + 1, 1),"
        " strangers_since = iif(strangers_since > :began, strangers_since, :now)"
        " RETURNING strangers",
        {"host": host, "now": writer.now_ms, "began": began},
    )
    count: int = rows[0][0]
    return count


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """What was decided about a server; `tier` is blocked, limited, or None for neither."""

    id: int
    host: str
    tier: str | None
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
    """Of this very name."""
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
    """All but the tier, which is set by `set_tier` with what follows from it."""
    writer.execute(
        "INSERT INTO hosts (host, limit_id, limited_at, reject_media, reject_reports,"
        " private_comment, public_comment, obfuscate) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
        " ON CONFLICT (host) DO UPDATE SET limit_id = excluded.limit_id,"
        " limited_at = excluded.limited_at, reject_media = excluded.reject_media,"
        " reject_reports = excluded.reject_reports, private_comment = excluded.private_comment,"
        " public_comment = excluded.public_comment, obfuscate = excluded.obfuscate",
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


def judged(reader: Reader) -> list[Host]:
    """Those that have a tier, by name."""
    rows = reader.rows(f"SELECT {_COLUMNS} FROM hosts WHERE tier IS NOT NULL ORDER BY host")
    return [_from_row(row) for row in rows]


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
    writer.execute_named(
        "INSERT INTO hosts (host, open_at, failures, failed_days, failed_on, last_error)"
        " VALUES (:host, :open_at, 1, 1, :today, :error) ON CONFLICT (host) DO UPDATE SET"
        " open_at = :open_at, failures = failures + 1, last_error = :error,"
        " failed_days = failed_days + (failed_on IS NULL OR failed_on <> :today),"
        " failed_on = :today",
        {"host": host, "open_at": milliseconds(writer.now + pause), "today": today, "error": error},
    )
    schedule(writer, host)


def reached(writer: Writer, host: str) -> None:
    """It answered: whatever we held against it is forgotten."""
    writer.execute_named(
        "INSERT INTO hosts (host, reached_at) VALUES (:host, :now) ON CONFLICT (host) DO UPDATE SET"
        " failures = 0, failed_days = 0, failed_on = NULL, last_error = NULL, open_at = 0,"
        " reached_at = :now",
        {"host": host, "now": writer.now_ms},
    )
    schedule(writer, host)


def heard_from(writer: Writer, host: str) -> None:
    """It spoke to us, signed: so it is there, and what waits for it may go (RELIABILITY 1)."""
    opened = writer.execute(
        "UPDATE hosts SET failures = 0, failed_days = 0, failed_on = NULL, open_at = 0,"
        " heard_at = ? WHERE host = ? AND failures > 0",
        writer.now_ms,
        host,
    )
    if opened:
        schedule(writer, host)
        writer.after_commit(AWAKE, host)


def troubled(reader: Reader) -> list[Host]:
    rows = reader.rows(f"SELECT {_COLUMNS} FROM hosts WHERE failures > 0 ORDER BY host")
    return [_from_row(row) for row in rows]
