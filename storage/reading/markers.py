"""Markers: how far a member has read."""

from dataclasses import dataclass
from datetime import datetime

from storage.engine.clock import moment
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer


@dataclass(frozen=True, slots=True)
class Marker:
    timeline: str
    last_read: int
    version: int
    updated_at: datetime


def put(writer: Writer, account: ActorId, timeline: str, last_read: int) -> None:
    writer.execute(
        "INSERT INTO markers (account, timeline, last_read, version, updated_at)"
        " VALUES (?, ?, ?, 1, ?) ON CONFLICT (account, timeline) DO UPDATE SET"
        " last_read = excluded.last_read, version = version + 1, updated_at = excluded.updated_at",
        account,
        timeline,
        last_read,
        writer.now_ms,
    )


def of(reader: Reader, account: ActorId) -> list[Marker]:
    rows = reader.rows(
        "SELECT timeline, last_read, version, updated_at FROM markers WHERE account = ?", account
    )
    return [Marker(timeline, read, version, moment(at)) for timeline, read, version, at in rows]


def last_read(reader: Reader, account: ActorId, timeline: str) -> int:
    """The number of what was read last; 0 where nothing was."""
    number: int | None = reader.value(
        "SELECT last_read FROM markers WHERE account = ? AND timeline = ?", account, timeline
    )
    return number or 0
