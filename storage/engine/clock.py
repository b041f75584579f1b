"""The one place that asks for the time, and how moments are written in tables."""

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from threading import get_ident

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    return datetime.now(UTC)


def processor_timer() -> Callable[[], float]:
    """Seconds of a processor that the calling thread uses from now on; to be asked by any thread.

    Where a system has no such clock (macOS), the seconds that pass.
    """
    if not hasattr(time, "pthread_getcpuclockid"):
        since = time.monotonic()
        return lambda: time.monotonic() - since
    clock = time.pthread_getcpuclockid(get_ident())
    begun = time.clock_gettime(clock)
    return lambda: time.clock_gettime(clock) - begun


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)


def milliseconds(moment: datetime) -> int:
    """Moment as it is written in a table: whole milliseconds since 1970, UTC."""
    return (moment - _EPOCH) // _MILLISECOND


def moment(written: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=written)


def optional_moment(written: int | None) -> datetime | None:
    return None if written is None else moment(written)


def clamp(stated: datetime | None, now: datetime) -> datetime:
    """A publication time as others state it, held between 1970 and now (SECURITY 27)."""
    if stated is None:
        return now
    return min(max(stated, _EPOCH), now)
