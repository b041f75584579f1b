"""The one place that asks for the time, and how moments are written in tables."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from time import thread_time

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    return datetime.now(UTC)


def processor_seconds() -> float:
    """What this thread has used of a processor so far."""
    return thread_time()


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def milliseconds(moment: datetime) -> int:
    """How a moment is written in a table: whole milliseconds since 1970, UTC."""
    return (moment - _EPOCH) // _MILLISECOND


def moment(written: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=written)


def optional_moment(written: int | None) -> datetime | None:
    return None if written is None else moment(written)


def clamped(stated: datetime | None, now: datetime) -> datetime:
    """A publication time as others state it, held between 1970 and now (SECURITY 27)."""
    if stated is None:
        return now
    return min(max(stated, _EPOCH), now)
