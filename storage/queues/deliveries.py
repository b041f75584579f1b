"""Deliveries that wait for other servers: durable, in order for each (host, object).

Leases live in memory (see received). Whose turn it is, `hosts` knows; a host with a closed breaker
is passed over as a whole.
"""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from json import dumps

from storage.engine.clock import milliseconds, moment
from storage.engine.ids import ActorId, PostId
from storage.engine.transaction import Reader, Row, Writer
from storage.queues import hosts

DELIVERIES = "deliveries"


@dataclass(frozen=True, slots=True)
class Delivery:
    """Delivery of one activity: what, to which inbox, from whom."""

    id: int
    host: str
    inbox: str
    object: str
    attempts: int
    created_at: datetime
    activity: int
    type: str
    actor: ActorId
    post: PostId | None
    body: str


_COLUMNS = (
    "d.id, d.host, d.inbox, d.object, d.attempts, d.created_at,"
    " v.id, v.type, v.actor, v.post, v.body"
)


def _from_row(row: Row) -> Delivery:
    id_, host, inbox, object_, attempts, created, activity, type_, actor, post, body = row
    return Delivery(
        id_, host, inbox, object_, attempts, moment(created), activity, type_, actor, post, body
    )


def enqueue(writer: Writer, activity: int, host: str, inbox: str, object_: str) -> None:
    """A delivery for an inbox, in the unit that says what it carries.

    It is due no earlier than those before it about the same object: so the earliest due time of a
    host is that of a delivery which may go.
    """
    rows = writer.named(
        """
        INSERT INTO deliveries (id, activity, host, inbox, object, state, due, created_at)
        VALUES (:id, :activity, :host, :inbox, :object, 'due', max(:now, ifnull((SELECT due
        FROM deliveries WHERE host = :host AND object = :object AND state = 'due'
        ORDER BY id DESC LIMIT 1), 0)), :now) ON CONFLICT DO NOTHING RETURNING due
        """,
        {
            "id": writer.new_id(),
            "activity": activity,
            "host": host,
            "inbox": inbox,
            "object": object_,
            "now": writer.now_ms,
        },
    )
    for (due,) in rows:
        hosts.expect(writer, host, due)
    writer.after_commit(DELIVERIES, host)


def next_of(reader: Reader, host: str, taken: Collection[int], most: int) -> list[Delivery]:
    """Deliveries to a host that may go now: not taken, none older waits about the same object."""
    rows = reader.rows(
        f"""
        SELECT {_COLUMNS} FROM deliveries d JOIN activities v ON v.id = d.activity
        WHERE d.host = ? AND d.state = 'due' AND d.due <= ?
        AND d.id NOT IN (SELECT value FROM json_each(?))
        AND NOT EXISTS (SELECT 1 FROM deliveries dl WHERE dl.host = d.host
        AND dl.object = d.object AND dl.state = 'due' AND dl.id < d.id)
        ORDER BY d.due, d.id LIMIT ?
        """,
        host,
        reader.now_ms,
        dumps(list(taken)),
        most,
    )
    return [_from_row(row) for row in rows]


def is_due(reader: Reader, delivery: Delivery) -> bool:
    """Whether it still waits: it may have been withdrawn or given up since it was read."""
    return bool(reader.rows("SELECT 1 FROM deliveries WHERE id = ? AND state = 'due'", delivery.id))


def withdraw_of(writer: Writer, actor: ActorId) -> None:
    """Withdraw deliveries of whatever somebody said and nobody has got yet."""
    rows = writer.rows(
        "DELETE FROM deliveries WHERE activity IN (SELECT id FROM activities WHERE actor = ?)"
        " RETURNING host",
        actor,
    )
    for name in {row[0] for row in rows}:
        hosts.schedule(writer, name)  # nobody's turn is for a delivery that is not there


def settle(writer: Writer, delivery: Delivery) -> None:
    """Delivered, or no longer wanted."""
    writer.execute("DELETE FROM deliveries WHERE id = ?", delivery.id)
    hosts.schedule(writer, delivery.host, served=True)


def postpone(writer: Writer, delivery: Delivery, pause: timedelta, reason: str) -> None:
    """Let it wait, and what follows it about the same object."""
    writer.execute(
        "UPDATE deliveries SET due = ?, attempts = attempts + 1, reason = ? WHERE id = ?",
        milliseconds(writer.now + pause),
        reason,
        delivery.id,
    )
    writer.execute(
        "UPDATE deliveries SET due = max(due, ?)"
        " WHERE host = ? AND object = ? AND state = 'due' AND id > ?",
        milliseconds(writer.now + pause),
        delivery.host,
        delivery.object,
        delivery.id,
    )
    hosts.schedule(writer, delivery.host, served=True)


def park(writer: Writer, delivery: Delivery, reason: str) -> None:
    """Refused for good: kept for the admin to see, and out of everybody's way."""
    writer.execute(
        "UPDATE deliveries SET state = 'parked', attempts = attempts + 1, reason = ? WHERE id = ?",
        reason,
        delivery.id,
    )
    hosts.schedule(writer, delivery.host, served=True)


def expire(writer: Writer, before: datetime, most: int = 500) -> int:
    """Park what has waited too long. Return how many."""
    tired = writer.named(
        "UPDATE deliveries SET state = 'parked', reason = 'nobody answered for seven days'"
        " WHERE id IN (SELECT id FROM deliveries WHERE state = 'due' AND created_at < :before"
        " AND id < :before << 16 LIMIT :most) RETURNING host",  # an id begins with its moment
        {"before": milliseconds(before), "most": most},
    )
    for name in {row[0] for row in tired}:
        hosts.schedule(writer, name)
    return len(tired)


@dataclass(frozen=True, slots=True)
class Parked:
    """A delivery that was given up, as `kith queue` lists it."""

    id: int
    inbox: str
    type: str
    attempts: int
    reason: str


def list_parked(reader: Reader, most: int = 100) -> list[Parked]:
    rows = reader.rows(
        "SELECT d.id, d.inbox, v.type, d.attempts, ifnull(d.reason, '') FROM deliveries d"
        " JOIN activities v ON v.id = d.activity WHERE d.state = 'parked' ORDER BY d.id LIMIT ?",
        most,
    )
    return [Parked(*row) for row in rows]


def again(writer: Writer, host: str | None = None) -> int:
    """Try parked deliveries once more, of one host or of all. Return how many."""
    tried = writer.named(
        "UPDATE deliveries SET state = 'due', attempts = 0, due = :now, created_at = :now"
        " WHERE state = 'parked' AND (:host IS NULL OR host = :host) RETURNING host",
        {"now": writer.now_ms, "host": host},
    )
    for name in {row[0] for row in tried}:
        hosts.schedule(writer, name)
    writer.after_commit(DELIVERIES)
    return len(tried)


def forget(writer: Writer, host: str | None = None) -> int:
    """Throw parked deliveries away. Return how many."""
    return writer.execute_named(
        "DELETE FROM deliveries WHERE state = 'parked' AND (:host IS NULL OR host = :host)",
        {"host": host},
    )


@dataclass(frozen=True, slots=True)
class Depth:
    """Number of deliveries that wait or are parked, and since when the oldest waits."""

    due: int
    parked: int
    oldest: datetime | None


def depth(reader: Reader) -> Depth:
    row = reader.row(
        "SELECT count(*) FILTER (WHERE state = 'due'), count(*) FILTER (WHERE state = 'parked'),"
        " min(created_at) FILTER (WHERE state = 'due') FROM deliveries"
    )
    due, parked_, oldest = row or (0, 0, None)
    return Depth(due, parked_, None if oldest is None else moment(oldest))
