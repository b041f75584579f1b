"""Rate limits (SECURITY 72): windows per limiter and client, bounded in number."""

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import IPv6Address, ip_address, ip_network

from server.settings.outside import Monotonic
from storage.engine.clock import Clock

MOST_WINDOWS = 50_000


@dataclass(frozen=True, slots=True)
class Limiter:
    """Limit of at most `count` in a window."""

    name: str
    count: int
    window: timedelta


def _limiter(name: str, count: int, minutes: int) -> Limiter:
    return Limiter(name, count, timedelta(minutes=minutes))


# mastodon-api/conventions.md, Rate limits; the last ones are ours.
LIMITERS = {
    limiter.name: limiter
    for limiter in (
        _limiter("api", 300, 5),
        _limiter("account", 1500, 5),
        _limiter("paging", 300, 15),
        _limiter("post", 300, 180),
        _limiter("delete", 30, 30),
        _limiter("follow", 400, 24 * 60),
        _limiter("media", 30, 30),
        _limiter("report", 400, 24 * 60),
        _limiter("signup", 5, 30),
        _limiter("app", 5, 10),
        _limiter("login", 10, 10),
        _limiter("reset", 5, 60),
        _limiter("confirm", 30, 60),
        _limiter("second", 10, 60),
        _limiter("ceremony", 60, 10),
        _limiter("token", 60, 10),
        _limiter("stranger", 300, 5),  # tokens and cookies that are nobody's
        _limiter("search", 60, 5),
        _limiter("page", 300, 5),
        _limiter("inbox", 3000, 5),
        _limiter("document", 1500, 5),
        _limiter("health", 600, 5),
    )
}


@dataclass(frozen=True, slots=True)
class RateLimitState:
    """Remainder of the tightest limit, and when it begins anew: in seconds, and by the clock."""

    limit: int
    remaining: int
    seconds: float
    reset: datetime
    exceeded: bool


@dataclass(slots=True)
class _Window:
    ends: float
    used: int = 0


class Limits:
    """Counts requests in memory; a restart forgives.

    Windows last as long as they say, however the clock is set; it only names their end.
    """

    def __init__(self, clock: Clock, monotonic: Monotonic, *, enabled: bool) -> None:
        self._clock = clock
        self._monotonic = monotonic
        self._enabled = enabled
        self._windows: OrderedDict[tuple[str, str], _Window] = OrderedDict()

    def spend(self, limiters: Sequence[tuple[str, str]]) -> RateLimitState | None:
        """Count one request against each (limiter, client); None when limits are off."""
        if not self._enabled or not limiters:
            return None
        standings = [self._spend(LIMITERS[name], client) for name, client in limiters]
        return min(standings, key=lambda one: (not one.exceeded, one.remaining))

    def is_spent(self, limiter: str, client: str) -> bool:
        """Whether one more would be too many; counts nothing."""
        window = self._windows.get((limiter, client))
        if window is None or window.ends <= self._monotonic():
            return False
        return window.used >= LIMITERS[limiter].count

    def _spend(self, limiter: Limiter, client: str) -> RateLimitState:
        now = self._monotonic()
        key = (limiter.name, client)
        window = self._windows.pop(key, None)
        if window is None or window.ends <= now:
            window = _Window(now + limiter.window.total_seconds())
        self._windows[key] = window
        while len(self._windows) > MOST_WINDOWS:
            self._windows.popitem(last=False)
        window.used += 1
        left = limiter.count - window.used
        seconds = window.ends - now
        reset = self._clock() + timedelta(seconds=seconds)
        return RateLimitState(limiter.count, max(left, 0), seconds, reset, left < 0)


def address_key(address: str) -> str:
    """Address as it is counted: IPv6 by its /64, mapped IPv4 as IPv4."""
    try:
        found = ip_address(address)
    except ValueError:
        return address or "unknown"
    if isinstance(found, IPv6Address):
        if found.ipv4_mapped is not None:
            return str(found.ipv4_mapped)
        return str(ip_network((int(found), 64), strict=False).network_address)
    return str(found)
