"""Servers that take deliveries and keep silent, drip or refuse, beside others (SECURITY 91)."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from typing import Any

import pytest
from aiohttp import web

from federation.outbound import delivery
from server.http.app_keys import COURIER
from storage.engine.transaction import Reader, Writer
from storage.people import actors
from storage.queues import deliveries, hosts
from storage.queues.hosts import HostState
from tests.federation.world import Neighbour, Stranger
from tests.storage import cast
from tests.support.internet import Internet
from tests.support.servers import Person, Place, settle

SECOND, HOUR, DAY = timedelta(seconds=1), timedelta(hours=1), timedelta(days=1)
WILD = [f"n{number}.evil.example" for number in range(80)]


@dataclass
class Silence:
    """A server that takes whatever is sent to it, and answers once it is let go."""

    let_go: asyncio.Event = field(default_factory=asyncio.Event)
    asked: list[str] = field(default_factory=list)

    async def keep_silent(self, request: web.Request) -> web.Response:
        await request.read()
        self.asked.append(request.host)
        await self.let_go.wait()
        return web.Response(status=202)


@pytest.fixture
async def silence(internet: Internet) -> AsyncIterator[Silence]:
    made = Silence()
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", made.keep_silent)
    async with internet.serving(app, *WILD):
        yield made
        made.let_go.set()


def follow_from(writer: Writer, target: int, names: Iterable[str]) -> None:
    """A follower of one of ours on each of these hosts."""
    for name in names:
        fan = cast.actor(writer, "fan", name, inbox=f"http://{name}/inbox")
        cast.follow(writer, fan, target)


async def heard(neighbour: Neighbour, arrived: int = 1) -> None:
    """Return once it was sent so much; a test in which it never is ends as a failure."""
    async with asyncio.timeout(20):
        while len(neighbour.arrived) < arrived:
            await asyncio.sleep(0.01)


@asynccontextmanager
async def delivering(place: Place) -> AsyncIterator[None]:
    """The courier at work, as in a running server."""
    running = asyncio.create_task(place.app[COURIER].run())
    try:
        yield
    finally:
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


async def standing(place: Place, host: str) -> HostState:
    return (await place.database.read(hosts.get, host)).standing


# ---- places ----


@pytest.mark.parametrize("is_known", [True, False])
async def test_eighty_silent_names_of_one_domain_delay_nobody(
    ours: Place,
    alice: Person,
    victim: Neighbour,
    vera: Stranger,
    silence: Silence,
    is_known: bool,
) -> None:
    if not is_known:  # a new server, of which nobody knows yet whether it answers
        await ours.database.write(
            lambda w: w.execute("UPDATE hosts SET reached_at = NULL WHERE host = 'victim.example'")
        )
    await ours.database.write(follow_from, alice.actor.id, WILD)
    await alice.say("Hello")
    looked = asyncio.create_task(ours.app[COURIER].deliver_due())
    await heard(victim)
    assert len(silence.asked) <= 4
    places = ours.app[COURIER].places
    assert sum(one.in_use for one in places.values()) <= 5
    silence.let_go.set()
    assert await looked


async def test_running_courier_goes_on_while_others_are_silent(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger, silence: Silence
) -> None:
    """Nobody who waits for an answer has to come back before it is looked for more."""
    await ours.database.write(follow_from, alice.actor.id, WILD)
    async with delivering(ours):
        for number in range(1, 20):
            await alice.say("Hello")
            await heard(victim, number)
        assert len(silence.asked) == 4
        assert ours.app[COURIER].places[HostState.NEW].in_use == 4
        silence.let_go.set()
    assert ours.app[COURIER].places[HostState.NEW].in_use == 0


async def test_unknown_host_has_ten_seconds_and_a_known_one_thirty(
    ours: Place,
    alice: Person,
    victim: Neighbour,
    vera: Stranger,
    silence: Silence,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert (delivery.PROBE_DEADLINE, delivery.DEADLINE) == (10.0, 30.0)
    monkeypatch.setattr(delivery, "PROBE_DEADLINE", 0.1)
    known, new, failing = WILD[:3]
    await ours.database.write(follow_from, alice.actor.id, WILD[:3])
    await ours.database.write(hosts.record_success, known)
    await ours.database.write(hosts.record_failure, failing, SECOND, "no answer")
    victim.watch.advance(2 * SECOND)
    await alice.say("Hello")
    async with delivering(ours):
        async with asyncio.timeout(20):
            while ours.app[COURIER].outcomes["unanswered"] < 2:
                await asyncio.sleep(0.01)
        assert await standing(ours, new) is HostState.FAILING
        assert (await ours.database.read(hosts.get, failing)).failures == 2
        assert await standing(ours, known) is HostState.KNOWN  # and is still waited for
        assert ours.app[COURIER].places[HostState.KNOWN].in_use == 1
        silence.let_go.set()
    assert await standing(ours, known) is HostState.KNOWN


async def test_slow_host_is_not_known_to_answer(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dripping an answer for half a minute, again and again, would hold places as silence does."""
    now = 0.0
    monkeypatch.setattr(ours.app[COURIER], "_timer", lambda: now)
    for status in (202, 500):
        victim.status = status
        for takes, expected in ((4.0, HostState.KNOWN), (6.0, HostState.FAILING)):

            async def drip(_: web.Request, takes: float = takes) -> web.Response:
                nonlocal now
                now += takes
                return web.Response(status=victim.status)

            victim.answers["/inbox"] = drip
            await alice.say("Hello")
            await settle(ours)
            assert await standing(ours, "victim.example") is expected, (status, takes)
        del victim.answers["/inbox"]
        victim.status = 202
        await alice.say("Prompt again")
        await settle(ours)


async def test_hosts_of_one_source_are_counted_by_its_registrable_domain(
    ours: Place, alice: Person, victim: Neighbour, silence: Silence
) -> None:
    await ours.database.write(follow_from, alice.actor.id, ["a.b.evil.example:8443", "192.0.2.9"])
    await alice.say("Hello")
    await settle(ours)

    def sources(reader: Reader) -> dict[str, str]:
        return dict(reader.rows("SELECT host, source FROM hosts"))

    assert await ours.database.read(sources) == {
        "a.b.evil.example:8443": "evil.example",
        "192.0.2.9": "192.0.2.0/24",
    }


# ---- what speaking to us earns ----


async def test_however_often_a_failing_host_speaks_it_earns_one_probe(
    ours: Place,
    alice: Person,
    victim: Neighbour,
    vera: Stranger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("storage.engine.ids.fraction", lambda: 0.5)  # no jitter
    victim.status = 503
    for number in range(5):
        await alice.say(f"Number {number}")
    for _ in range(8):
        await settle(ours)
        victim.watch.advance(DAY)
    await settle(ours)
    victim.asked.clear()
    before = await ours.database.read(hosts.get, "victim.example")
    for _ in range(10):
        assert await vera.tell(ours, vera.says("Like", "http://ours.example/posts/1")) == 202
        await settle(ours)
        victim.watch.advance(60 * SECOND)
    assert len(victim.arrived) == 1
    known = await ours.database.read(hosts.get, "victim.example")
    assert known.failures == before.failures + 1
    assert known.failed_days >= before.failed_days
    assert known.standing is HostState.DEAD


async def test_probe_that_is_answered_with_a_fault_brings_no_other(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger
) -> None:
    victim.status = 503
    for number in range(5):
        await alice.say(f"Number {number}")
    await settle(ours)
    victim.status = 500
    victim.asked.clear()
    assert await vera.tell(ours, vera.says("Like", "http://ours.example/posts/1")) == 202
    await settle(ours)
    assert len(victim.arrived) == 1
    assert (await ours.database.read(hosts.get, "victim.example")).failures == 2


@pytest.mark.parametrize("status", [202, 400, 401, 404, 410, 301])
async def test_answering_host_is_forgiven(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger, status: int
) -> None:
    victim.status = 503
    await alice.say("Hello")
    await settle(ours)
    victim.watch.advance(HOUR)
    victim.status = status
    await settle(ours)
    known = await ours.database.read(hosts.get, "victim.example")
    assert (known.failures, known.standing) == (0, HostState.KNOWN)


async def test_unsent_delivery_forgives_nothing(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger
) -> None:
    victim.status = 503
    said = await alice.say("A slip")
    await settle(ours)
    await alice.call("DELETE", f"/api/v1/statuses/{said['id']}")
    await ours.database.write(
        lambda w: w.execute(
            "DELETE FROM deliveries WHERE activity IN"
            " (SELECT id FROM activities WHERE type = 'Delete')"
        )
    )
    victim.watch.advance(HOUR)
    victim.asked.clear()
    await settle(ours)
    assert ours.app[COURIER].outcomes["withdrawn"] == 1
    assert (await ours.database.read(hosts.get, "victim.example")).failures == 1


@pytest.mark.parametrize("header", ["0", "1"])
async def test_retry_after_nothing_is_not_heeded(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger, header: str
) -> None:
    victim.status, victim.headers = 429, {"Retry-After": header}
    await alice.say("Hello")
    for _ in range(60):
        await settle(ours)
        victim.watch.advance(SECOND)
    assert len(victim.arrived) == 2


# ---- once ----


class LateLook:
    """The first look finds what it finds, and comes back when it is told to."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._held = threading.Event()
        self._looks = count()

    def look(self, *given: Any) -> Any:
        found = _look(*given)
        if next(self._looks) == 0:
            self._loop.call_soon_threadsafe(self.begun.set)
            self._held.wait(20)
        return found

    def go_on(self) -> None:
        self._held.set()


_look = delivery._look


@pytest.fixture
async def late_look(vera: Stranger, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[LateLook]:
    """Look that is taken after everybody has come to rest."""
    late = LateLook()
    monkeypatch.setattr(delivery, "_look", late.look)
    yield late
    late.go_on()


@pytest.mark.parametrize("is_answered", [True, False])
async def test_look_that_comes_back_late_takes_nothing_twice(
    ours: Place,
    alice: Person,
    victim: Neighbour,
    vera: Stranger,
    late_look: LateLook,
    is_answered: bool,
) -> None:
    """Whoever looks first is held until another worker has delivered what it found, or is at it."""
    may_answer = asyncio.Event()
    if is_answered:
        may_answer.set()

    async def answer(_: web.Request) -> web.Response:
        await may_answer.wait()
        return web.Response(status=202)

    victim.answers["/inbox"] = answer
    await alice.say("Once")
    courier = ours.app[COURIER]
    first = asyncio.create_task(courier.deliver_due())
    await late_look.begun.wait()
    second = asyncio.create_task(courier.deliver_due())
    await asyncio.wait([second], timeout=0.5)  # it comes to something only where both look at once
    late_look.go_on()
    await heard(victim)
    await asyncio.wait([first], timeout=0.5)
    may_answer.set()
    await asyncio.gather(first, second)
    await settle(ours)
    assert len(victim.arrived) == 1


async def parked_meanwhile(place: Place, alice: Person) -> None:
    await place.database.write(deliveries.expire, place.database._moment.clock() + SECOND)


async def withdrawn_meanwhile(place: Place, alice: Person) -> None:
    await place.database.write(deliveries.withdraw_of, alice.actor.id)


async def blocked_meanwhile(place: Place, alice: Person) -> None:
    await place.database.write(hosts.set_tier, "victim.example", "blocked")


async def suspended_meanwhile(place: Place, alice: Person) -> None:
    await place.database.write(actors.set_moderation_state, alice.actor.id, "suspended")


@pytest.mark.parametrize(
    ("meanwhile", "left"),
    [
        (parked_meanwhile, (0, 1)),
        (withdrawn_meanwhile, (0, 0)),
        (blocked_meanwhile, (0, 0)),
        (suspended_meanwhile, (0, 0)),
    ],
)
async def test_delivery_changed_since_a_look_is_not_sent(
    ours: Place,
    alice: Person,
    victim: Neighbour,
    vera: Stranger,
    late_look: LateLook,
    meanwhile: object,
    left: tuple[int, int],
) -> None:
    assert callable(meanwhile)
    await alice.say("Not any more")
    victim.watch.advance(SECOND)
    looked = asyncio.create_task(ours.app[COURIER].deliver_due())
    await late_look.begun.wait()
    await meanwhile(ours, alice)
    late_look.go_on()
    await looked
    assert victim.arrived == []
    depth = await ours.database.read(deliveries.depth)
    assert (depth.due, depth.parked) == left


async def test_parked_delivery_tried_again_while_under_way_goes_out_once(
    ours: Place, alice: Person, silence: Silence
) -> None:
    await ours.database.write(follow_from, alice.actor.id, WILD[:1])
    await alice.say("Once")
    courier = ours.app[COURIER]
    looked = asyncio.create_task(courier.deliver_due())
    while not silence.asked:
        await asyncio.sleep(0.01)
    await parked_meanwhile(ours, alice)
    assert await ours.database.write(deliveries.again) == 1
    assert not await courier.deliver_due()
    silence.let_go.set()
    await looked
    await settle(ours)
    assert Counter(silence.asked) == {WILD[0]: 1}
    assert (await ours.database.read(deliveries.depth)).due == 0


async def test_stop_waits_a_moment_for_what_is_under_way(
    ours: Place, alice: Person, silence: Silence
) -> None:
    await ours.database.write(follow_from, alice.actor.id, WILD[:1])
    await alice.say("Once")
    running = asyncio.create_task(ours.app[COURIER].run())
    while not silence.asked:
        await asyncio.sleep(0.01)
    running.cancel()
    await asyncio.sleep(0)
    silence.let_go.set()
    with suppress(asyncio.CancelledError):
        await running
    assert (await ours.database.read(deliveries.depth)).due == 0


async def test_delivery_that_cannot_be_noted_is_not_sent_again(
    ours: Place,
    alice: Person,
    victim: Neighbour,
    vera: Stranger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A full disk, for a while: the answer is kept in mind until it can be written down."""
    failures = iter([True, True, False])
    settling = deliveries.settle

    def cannot(writer: Writer, sent: deliveries.Delivery) -> None:
        if next(failures):
            raise OSError("disk full")
        settling(writer, sent)

    monkeypatch.setattr(deliveries, "settle", cannot)
    monkeypatch.setattr(delivery, "REST", 0.0)
    await alice.say("Once")
    await settle(ours)
    assert len(victim.arrived) == 1
    assert (await ours.database.read(deliveries.depth)).due == 0
