"""Hosts that let others wait: asked no more for a while by whoever can do without (SECURITY 90)."""

from collections import OrderedDict
from datetime import datetime, timedelta
from typing import TypeVar

from federation.sources import domain_of
from storage.clock import Clock

T = TypeVar("T")

REMEMBERED_FOR = timedelta(minutes=5)
MOST_REMEMBERED = 10_000
MANY = 3  # silent names of one domain, after which the rest of its names count as silent, too


class SilentHosts:
    """Who did not answer lately, a bounded number of them; an answer is forgiveness."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._since: OrderedDict[str, datetime] = OrderedDict()
        self._of_domain: OrderedDict[str, dict[str, datetime]] = OrderedDict()

    def __len__(self) -> int:
        return len(self._since)

    def note(self, host: str) -> None:
        """It took too long."""
        now = self._clock()
        _put(self._since, host, now)
        names = self._of_domain.get(domain_of(host), {})
        recent = {name: at for name, at in names.items() if self._is_recent(at, now)}
        newest = dict(list(recent.items())[-MANY:])
        _put(self._of_domain, domain_of(host), newest | {host: now})

    def answered(self, host: str) -> None:
        """It is there."""
        if self._since.pop(host, None) is not None:
            self._of_domain.pop(domain_of(host), None)

    def is_silent(self, host: str) -> bool:
        now = self._clock()
        since = self._since.get(host)
        if since is not None and self._is_recent(since, now):
            return True
        names = self._of_domain.get(domain_of(host))
        if not names:
            return False
        return sum(self._is_recent(at, now) for at in names.values()) >= MANY

    def _is_recent(self, at: datetime, now: datetime) -> bool:
        return abs(now - at) < REMEMBERED_FOR  # either way: a clock may be put back


def _put(memory: OrderedDict[str, T], name: str, value: T) -> None:
    memory.pop(name, None)
    memory[name] = value
    while len(memory) > MOST_REMEMBERED:
        memory.popitem(last=False)
