"""Choice of the deliveries that go next, and of whose places they take (SECURITY 91).

Three quarters of the places are for servers that are known to answer. The others share a quarter:
half of it is for those never reached yet, the rest for those that fail or are slow, and for those
that have failed for a week. Among each, sources (registrable domains) take turns, then the hosts of
a source, then the deliveries of a host; none holds many places, and who fails holds one.
"""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import zip_longest

from storage.engine.transaction import Reader
from storage.queues import deliveries, hosts
from storage.queues.deliveries import Delivery
from storage.queues.hosts import HostState, Turn

PER_SOURCE = 4
PER_FAILING_SOURCE = 1
PER_UNKNOWN_HOST = 1  # a probe


@dataclass(frozen=True, slots=True)
class Choice:
    """A delivery that may go, and in whose turn."""

    delivery: Delivery
    turn: Turn


@dataclass(frozen=True, slots=True)
class Budget:
    """Number of deliveries under way at once: in all, for one host, and by standing."""

    at_once: int = 64
    per_host: int = 2

    @property
    def unknown(self) -> int:
        """Places that all share that are not known to answer."""
        return max(1, self.at_once // 4)

    @property
    def per_source(self) -> int:
        return max(PER_SOURCE, self.per_host)

    def most(self, standing: HostState) -> int:
        new, dead = max(1, self.unknown // 2), max(1, self.unknown // 5)
        return {
            HostState.KNOWN: max(1, self.at_once - self.unknown),
            HostState.NEW: new,
            HostState.FAILING: max(1, self.unknown - new - dead),
            HostState.DEAD: dead,
        }[standing]


@dataclass
class Held:
    """The places in use, while it is chosen who gets those that are free."""

    budget: Budget
    ids: list[int] = field(default_factory=list)
    by_standing: Counter[HostState] = field(default_factory=Counter)
    by_source: Counter[str] = field(default_factory=Counter)
    probes: Counter[str] = field(default_factory=Counter)
    by_host: Counter[str] = field(default_factory=Counter)

    def add(self, choice: Choice) -> None:
        turn, delivery = choice.turn, choice.delivery
        self.ids.append(delivery.id)
        self.by_standing[turn.standing] += 1
        self.by_source[turn.source] += 1
        self.by_host[delivery.host] += 1
        if turn.standing is not HostState.KNOWN:
            self.probes[turn.source] += 1

    def room(self, standing: HostState) -> int:
        """Room for deliveries to hosts of a standing."""
        free = self.budget.at_once - len(self.ids)
        if standing is not HostState.KNOWN:
            free = min(free, self.budget.unknown - self.probes.total())
        return min(free, self.budget.most(standing) - self.by_standing[standing])

    def room_of(self, turn: Turn) -> int:
        """Room for deliveries to hosts of a source."""
        free = self.budget.per_source - self.by_source[turn.source]
        if turn.failing and turn.standing is not HostState.KNOWN:
            free = min(free, PER_FAILING_SOURCE - self.probes[turn.source])
        return min(free, self.room(turn.standing))

    def room_at(self, host: str, turn: Turn) -> int:
        """Room for deliveries to a host."""
        known = turn.standing is HostState.KNOWN
        most = self.budget.per_host if known else PER_UNKNOWN_HOST
        return min(most - self.by_host[host], self.room_of(turn))


def choose(reader: Reader, budget: Budget, taken: Iterable[Choice]) -> list[Choice]:
    """Choose the deliveries that may go now beside what is under way."""
    held = Held(budget)
    for one in taken:
        held.add(one)
    return [one for standing in HostState for one in _of_state(reader, held, standing)]


def _of_state(reader: Reader, held: Held, standing: HostState) -> Iterator[Choice]:
    """Choose one delivery of each source, then a second; sources without a place come first."""
    room = held.room(standing)
    if room <= 0:
        return
    holders = sorted(held.by_source, key=lambda source: held.by_source[source])
    turns = hosts.next_turns(reader, standing, holders, room)
    turns += hosts.turns_of(reader, standing, holders)
    for choice in _in_turns([_of_source(reader, held, turn) for turn in turns]):
        if held.room_at(choice.delivery.host, choice.turn) > 0:
            held.add(choice)
            yield choice
        if held.room(standing) <= 0:
            return


def _in_turns(queues: list[Iterator[Choice]]) -> Iterator[Choice]:
    """The first of each, then the second of each; none is looked into before it is its turn."""
    while queues:
        left = []
        for queue in queues:
            if (choice := next(queue, None)) is not None:
                yield choice
                left.append(queue)
        queues = left


def _of_source(reader: Reader, held: Held, turn: Turn) -> Iterator[Choice]:
    """The first delivery of each of its hosts, then the second."""
    room = held.room_of(turn)
    if room <= 0:
        return
    full = [host for host in held.by_host if held.room_at(host, turn) <= 0]
    # one whose deliveries are all under way keeps no other from its turn
    names = hosts.next_of(reader, turn, full, room + held.by_source[turn.source])
    waiting = [
        deliveries.next_of(reader, host, held.ids, held.room_at(host, turn)) for host in names
    ]
    for rank in zip_longest(*waiting):
        yield from (Choice(delivery, turn) for delivery in rank if delivery is not None)
