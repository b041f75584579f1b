"""Whose turn it is: places by standing, by source and by host (SECURITY 89, 91)."""

import sqlite3
from collections import Counter
from collections.abc import Iterable
from datetime import timedelta

from federation.outbound.dispatch import Budget, Choice, choose
from federation.transport.sources import domain_of
from storage.engine.transaction import Writer
from storage.queues import deliveries, hosts
from storage.queues.hosts import HostState
from tests.storage import cast
from tests.storage.raw import memory, steps, writer_on
from tests.support.clock import Watch

DAY, SECOND = timedelta(days=1), timedelta(seconds=1)
BUDGET = Budget()


class Scene:
    """A database in memory whose clock is moved."""

    def __init__(self) -> None:
        self.raw: sqlite3.Connection = memory()
        self.watch = Watch()
        self.alice = cast.actor(self.writer, "alice")

    @property
    def writer(self) -> Writer:
        return writer_on(self.raw, self.watch)

    def wait_for(self, *names: str, each: int = 1) -> None:
        """Let so many deliveries wait for each of these hosts, and a second pass."""
        writer = self.writer
        for number in range(each):
            said = cast.said(writer, self.alice, f"post {writer.new_id()} {number}")
            for name in names:
                inbox = f"https://{name}/inbox"
                deliveries.enqueue(writer, said, name, inbox, f"post {said}")
        place(writer)
        self.watch.advance(SECOND)

    def known(self, *names: str) -> None:
        for name in names:
            hosts.record_success(self.writer, name)

    def failing(self, *names: str, days: int = 1) -> None:
        """They failed on so many days, and are due again."""
        for _ in range(days):
            for name in names:
                hosts.record_failure(self.writer, name, SECOND, "no answer")
            self.watch.advance(DAY)

    def look(self, *taken: Choice, budget: Budget = BUDGET) -> list[Choice]:
        return choose(self.writer, budget, taken)

    def serve(self, *choices: Choice) -> None:
        for one in choices:
            deliveries.settle(self.writer, one.delivery)
        self.watch.advance(SECOND)


def place(writer: Writer) -> None:
    while strange := hosts.without_source(writer):
        hosts.place(writer, [(host, domain_of(host)) for host in strange])


def asked(choices: Iterable[Choice]) -> list[str]:
    return [one.delivery.host for one in choices]


def names(many: int, pattern: str) -> list[str]:
    return [pattern.format(number) for number in range(many)]


# ---- places ----


def test_names_of_one_domain_share_a_few_places() -> None:
    scene = Scene()
    wild = names(80, "n{}.evil.example")
    scene.wait_for(*wild, each=3)
    scene.known("honest.example")
    scene.wait_for("new.example", "honest.example")
    found = scene.look()
    by_source = Counter(one.turn.source for one in found)
    assert by_source == {"evil.example": 4, "new.example": 1, "honest.example": 1}
    assert max(Counter(asked(found)).values()) == 1  # a probe is one delivery
    assert scene.look(*found) == []
    hosts.record_failure(scene.writer, found[-1].delivery.host, DAY, "no answer")
    assert scene.look(*found) == []


def test_domain_of_which_one_name_fails_holds_one_place_for_all() -> None:
    scene = Scene()
    wild = names(80, "n{}.evil.example")
    scene.wait_for(*wild)
    scene.failing(*wild[:40])
    scene.failing("n0.evil.example", days=7)
    (one,) = scene.look()
    assert one.turn.source == "evil.example"
    assert scene.look(one) == []
    assert {turn.standing for turn in (one.turn,)} == {HostState.NEW}


def test_unknown_hosts_share_a_quarter_of_the_places() -> None:
    scene = Scene()
    kinds = {kind: names(60, kind + "{}.example") for kind in ("known", "new", "failing", "dead")}
    for many in kinds.values():
        scene.wait_for(*many)
    scene.known(*kinds["known"])
    scene.failing(*kinds["dead"], days=7)
    scene.failing(*kinds["failing"])
    found = scene.look()
    assert Counter(one.turn.standing for one in found) == {
        HostState.KNOWN: 48,
        HostState.NEW: 8,
        HostState.FAILING: 5,
        HostState.DEAD: 3,
    }
    assert scene.look(*found) == []
    assert len(scene.look(*found[1:])) == 1


def test_shares_of_a_small_courier_fit_into_it() -> None:
    for at_once in range(1, 20):
        scene = Scene()
        kinds = {kind: names(9, kind + "{}.example") for kind in ("known", "new", "failing")}
        for many in kinds.values():
            scene.wait_for(*many)
        scene.known(*kinds["known"])
        scene.failing(*kinds["failing"])
        found = scene.look(budget=Budget(at_once))
        assert len(found) <= at_once
        unknown = sum(one.turn.standing is not HostState.KNOWN for one in found)
        assert unknown <= max(1, at_once // 4)


def test_known_domain_has_a_few_places_and_each_of_its_hosts_two() -> None:
    scene = Scene()
    many = names(5, "n{}.good.example")
    scene.known(*many)
    scene.wait_for(*many, each=3)
    assert Counter(asked(scene.look())) == dict.fromkeys(many[:4], 1)
    scene.serve(*scene.look())
    assert asked(scene.look())[0] == many[4]
    alone = Scene()
    alone.known("a.good.example")
    alone.wait_for("a.good.example", each=9)
    assert asked(alone.look()) == ["a.good.example"] * 2


def test_slow_host_shares_places_with_those_that_fail() -> None:
    scene = Scene()
    scene.wait_for("slow.example", each=3)
    hosts.record_success(scene.writer, "slow.example", slow=True)
    (one,) = scene.look()
    assert one.turn.standing is HostState.FAILING
    hosts.record_success(scene.writer, "slow.example")
    assert {one.turn.standing for one in scene.look()} == {HostState.KNOWN}


# ---- turns ----


def test_source_being_served_takes_nobodys_turn() -> None:
    """Places held are 44 of 48; what is free is given to those that hold none."""
    scene = Scene()
    slow, quick = names(44, "slow{}.example"), names(9, "quick{}.example")
    scene.known(*slow, *quick)
    scene.wait_for(*slow)
    held = scene.look()
    assert len(held) == 44
    scene.wait_for(*slow, *quick)
    assert asked(scene.look(*held)) == quick[:4]


def test_busy_host_is_not_always_the_first() -> None:
    """One place for all: whoever was just served goes behind whoever came meanwhile."""
    scene, one_place = Scene(), Budget(at_once=2, per_host=1)
    scene.known("busy.example")
    scene.wait_for("busy.example", each=50)
    served = []
    for number in range(6):
        scene.known(f"quiet{number}.example")
        scene.wait_for(f"quiet{number}.example")
        (choice,) = scene.look(budget=one_place)
        served += asked([choice])
        scene.serve(choice)
        scene.wait_for("busy.example")  # what comes later does not bring it forward
    assert served.count("busy.example") <= 3
    assert served[:2] == ["busy.example", "quiet0.example"]


def test_hosts_of_one_source_take_turns() -> None:
    scene, one_place = Scene(), Budget(at_once=2, per_host=1)
    scene.known("a.many.example", "b.many.example")
    scene.wait_for("a.many.example", each=50)
    scene.wait_for("b.many.example", each=2)
    served = []
    for _ in range(4):
        (choice,) = scene.look(budget=one_place)
        served += asked([choice])
        scene.serve(choice)
    assert served == ["a.many.example", "b.many.example"] * 2


def test_names_of_one_domain_take_one_turn_among_the_others() -> None:
    scene, one_place = Scene(), Budget(at_once=2, per_host=1)
    many = names(50, "n{}.many.example")
    scene.known(*many, "other.example")
    scene.wait_for(*many)
    scene.wait_for("other.example")
    served = []
    for _ in range(3):
        (choice,) = scene.look(budget=one_place)
        served.append(choice.turn.source)
        scene.serve(choice)
    assert served == ["many.example", "other.example", "many.example"]


def test_new_host_goes_before_those_of_its_kind_that_were_served() -> None:
    scene = Scene()
    many = names(40, "new{}.example")
    scene.wait_for(*many, each=5)
    first = scene.look()
    assert len(first) == 8
    scene.wait_for("honest.example")
    for one in first:  # they answer, with a fault of theirs
        deliveries.postpone(scene.writer, one.delivery, SECOND, "answered 500")
    turns = 0
    while "honest.example" not in asked(found := scene.look()):
        scene.serve(*found)
        turns += 1
    assert turns == 4  # the thirty-two that came before it


# ---- what a look costs ----


def crowd(many: int, pattern: str, days: int) -> tuple[Scene, int, list[str]]:
    """A live host and a new one behind so many others: the steps of a look, and whom it finds."""
    scene = Scene()
    scene.raw.execute("PRAGMA synchronous = OFF")
    scene.raw.execute("BEGIN")
    others = names(many, pattern)
    scene.known("live.example", *(others if not days else ()))
    scene.wait_for(*others)
    scene.failing(*others, days=days)
    scene.wait_for("new.example", "live.example")
    found: list[Choice] = []
    taken = steps(scene.raw, lambda: found.extend(scene.look()))
    scene.raw.execute("COMMIT")
    return scene, taken, asked(found)


def test_dead_hosts_by_the_thousand_do_not_delay_a_live_one() -> None:
    _, few, _ = crowd(100, "dead{}.example", 7)
    scene, many, found = crowd(10_000, "dead{}.example", 7)
    print(f"steps of a look beside 100 / 10,000 dead hosts: {few} / {many}")
    assert many < 1.2 * few
    assert found[:2] == ["live.example", "new.example"]
    assert len(found) == 5
    assert sum(one.is_dead for one in hosts.list_troubled(scene.writer)) == 10_000


def test_names_of_one_domain_by_the_thousand_do_not_delay_another() -> None:
    """They answered once each, and wait for longer than whoever is asked beside them."""
    _, few, _ = crowd(100, "n{}.evil.example", 0)
    _, many, found = crowd(10_000, "n{}.evil.example", 0)
    print(f"steps of a look beside 100 / 10,000 names of one domain: {few} / {many}")
    assert many < 1.2 * few
    assert [name.partition(".")[2] for name in found] == ["evil.example", "example"] + [
        "evil.example"
    ] * 3 + ["example"]


def settling(many: int) -> int:
    scene = Scene()
    scene.raw.execute("BEGIN")
    wild = names(many, "n{}.evil.example")
    scene.wait_for(*wild)
    scene.known(*wild)
    first, *_ = scene.look()
    taken = steps(scene.raw, lambda: deliveries.settle(scene.writer, first.delivery))
    scene.raw.execute("COMMIT")
    return taken


def test_end_of_a_delivery_costs_the_same_however_many_wait() -> None:
    few, many = settling(10), settling(3_000)
    print(f"steps to end a delivery among 10 / 3,000 names of a domain: {few} / {many}")
    assert many < 1.3 * few


def test_deliveries_behind_a_host_that_fails_cost_nothing() -> None:
    def behind(many: int) -> int:
        scene = Scene()
        scene.raw.execute("BEGIN")
        scene.wait_for("live.example")
        scene.wait_for("dead.example", each=many)
        hosts.record_failure(scene.writer, "dead.example", DAY, "no answer")
        found: list[Choice] = []
        taken = steps(scene.raw, lambda: found.extend(scene.look()))
        assert asked(found) == ["live.example"]
        scene.raw.execute("COMMIT")
        return taken

    few, many = behind(10), behind(3_000)
    assert many < 1.2 * few


def test_nobodys_turn_is_for_what_was_withdrawn() -> None:
    """Somebody is suspended while a thousand of their deliveries wait."""
    scene = Scene()
    many = names(200, "host{}.example")
    scene.wait_for(*many)
    scene.known(*many)
    deliveries.withdraw_of(scene.writer, scene.alice)
    bob = cast.actor(scene.writer, "bob")
    said = cast.said(scene.writer, bob, "post")
    deliveries.enqueue(scene.writer, said, "quiet.example", "https://quiet.example/inbox", "post")
    place(scene.writer)
    assert asked(scene.look()) == ["quiet.example"]
    assert scene.raw.execute("SELECT count(*) FROM delivery_turns").fetchall() == [(1,)]
