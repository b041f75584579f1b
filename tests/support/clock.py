"""A clock that stands still until it is moved."""

from datetime import UTC, datetime, timedelta


class Watch:
    """Call it for the time; move it with `advance`."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by
