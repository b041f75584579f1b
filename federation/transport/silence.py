"""Hosts that let others wait: asked no more for a while by whoever can do without (SECURITY 90)."""

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field

from federation.transport.sources import domain_of

LASTING = 300.0  # seconds
MOST_REMEMBERED = 10_000
MANY = 3  # silent names of one domain, after which the rest of its names count as silent, too


@dataclass(slots=True)
class _Memory:
    """Memory of when each name of a domain was silent last, newest last, and how often in a row."""

    at: OrderedDict[str, float] = field(default_factory=OrderedDict)
    times: dict[str, int] = field(default_factory=dict)


class SilentHosts:
    """Hosts that did not answer lately, a bounded number of them; an answer is forgiveness.

    `timer` counts seconds and is never put back; `after` so many times in a row a host is silent.
    """

    def __init__(
        self, timer: Callable[[], float], *, after: int = 1, lasting: float = LASTING
    ) -> None:
        self._timer = timer
        self._after = after
        self._lasting = lasting
        self._domains: OrderedDict[str, _Memory] = OrderedDict()

    def __len__(self) -> int:
        return len(self._domains)

    def note(self, host: str) -> None:
        """Note that a host took too long."""
        domain = domain_of(host)
        memory = self._domains.pop(domain, None) or _Memory()
        self._domains[domain] = memory
        memory.at.pop(host, None)
        memory.at[host] = self._timer()
        memory.times[host] = memory.times.get(host, 0) + 1
        while len(memory.at) > 2 * MANY:
            oldest, _ = memory.at.popitem(last=False)
            del memory.times[oldest]
        while len(self._domains) > MOST_REMEMBERED:
            self._domains.popitem(last=False)

    def record_answer(self, host: str) -> None:
        """Note that a host is there, and so is its domain."""
        if self._domains:
            self._domains.pop(domain_of(host), None)

    def seconds_left(self, host: str) -> float:
        """Seconds for which it counts as silent; 0.0 when it does not."""
        memory = self._domains.get(domain_of(host)) if self._domains else None
        if memory is None:
            return 0.0
        since = {name: at + self._lasting - self._timer() for name, at in memory.at.items()}
        if since.get(host, 0.0) > 0 and memory.times[host] >= self._after:
            return since[host]
        lately = sorted((left for left in since.values() if left > 0), reverse=True)
        return lately[MANY - 1] if len(lately) >= MANY else 0.0

    def is_silent(self, host: str) -> bool:
        return self.seconds_left(host) > 0
