"""A clock that stands still until it is moved."""

from datetime import UTC, datetime, timedelta


class Watch:
    """Call it for the time; move it with `advance`. What is only `set` lets no time pass."""

    def __init__(self) -> None:
        self.now = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
        self.passed = 0.0

    def __call__(self) -> datetime:
        return self.now

    def advance(self, by: timedelta) -> None:
        self.now += by
        self.passed += by.total_seconds()

    def set(self, by: timedelta) -> None:
        """Somebody sets the clock."""
        self.now += by

    def monotonic(self) -> float:
        return self.passed
