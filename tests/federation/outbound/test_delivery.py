"""Deliveries: when they go, in which order, how often, and when no more (RELIABILITY 1)."""

import asyncio
from datetime import datetime, timedelta
from email.utils import format_datetime
from pathlib import Path

import pytest
from aiohttp import web

from federation.outbound import delivery
from server.http.app_keys import COURIER
from storage.engine.transaction import Reader, Writer
from storage.people import actors
from storage.queues import deliveries, hosts
from tests.federation.world import Neighbour, Stranger, pair
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Person, Place, serving, settle

SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def steady(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take jitter away: the pause is what the table says."""
    monkeypatch.setattr("storage.engine.ids.fraction", lambda: 0.5)


async def waits(place: Place, host: str = "victim.example") -> timedelta:
    """Time for which nothing is sent to a host from now on."""

    def left(reader: Reader) -> timedelta:
        return hosts.get(reader, host).open_at - reader.now

    return await place.database.read(left)


async def queue(place: Place) -> tuple[int, int]:
    """Number of deliveries that wait, and of those that are parked."""
    depth = await place.database.read(deliveries.depth)
    return depth.due, depth.parked


def types(neighbour: Neighbour) -> list[str]:
    return [one.body.decode().split('"type":"')[1].split('"')[0] for one in neighbour.arrived]


# ---- when ----


def test_schedule_is_what_it_says() -> None:
    hours = [30 * SECOND, 2 * MINUTE, 10 * MINUTE, 30 * MINUTE, HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR]
    assert [delivery.pause_after(n) for n in range(12)] == hours + [12 * HOUR] * 4
    assert delivery.PATIENCE == 7 * DAY


def test_pauses_differ_and_are_not_much_longer() -> None:
    spread = [delivery.spread(HOUR) / HOUR for _ in range(500)]
    assert 0.75 <= min(spread) < 0.8
    assert 1.2 < max(spread) < 1.25


@pytest.mark.usefixtures("steady")
@pytest.mark.parametrize("waiting", [1, 5])
async def test_host_that_is_away_is_asked_by_the_table(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger, waiting: int
) -> None:
    """The clock is the host's and not the delivery's, however many wait for it."""
    for number in range(waiting):
        await alice.say(f"Number {number}")
    victim.status = 503
    pauses, requests = [], []
    for _ in range(10):
        await settle(ours)
        requests.append(len(victim.arrived))
        pauses.append(await waits(ours))
        victim.watch.advance(pauses[-1])
    assert pauses == [delivery.pause_after(n) for n in range(10)]
    together = 1 if waiting == 1 else 2  # two at once while nothing is known against it
    assert requests == [together + n for n in range(10)]
    assert await queue(ours) == (waiting, 0)


async def test_week_old_deliveries_are_parked_and_the_admin_sees_them(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger
) -> None:
    victim.status = 503
    await alice.say("Into the void")
    for _ in range(14):
        await settle(ours)
        victim.watch.advance(12 * HOUR)
    assert not await ours.app[COURIER].give_up()
    victim.watch.advance(SECOND)
    await ours.app[COURIER].give_up()
    assert await queue(ours) == (0, 1)
    (parked,) = await ours.database.read(deliveries.list_parked)
    assert parked.reason == "nobody answered for seven days"
    assert await ours.database.write(deliveries.again) == 1
    victim.status = 202
    await ours.database.write(hosts.record_success, "victim.example")
    await settle(ours)
    assert await queue(ours) == (0, 0)


async def test_host_that_failed_on_seven_days_is_tried_once_a_day(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger
) -> None:
    victim.status = 503
    for _ in range(7):
        await alice.say("Are you there?")
        await settle(ours)
        victim.watch.advance(DAY)
    known = await ours.database.read(hosts.get, "victim.example")
    assert known.is_dead
    victim.asked.clear()
    for hour in range(10 * 24):
        if hour % 6 == 0:
            await alice.say("Are you there?")
        await settle(ours)
        victim.watch.advance(HOUR)
    assert 7 <= len(victim.arrived) <= 14  # 24 hours ± 25 %
    print(f"\n{len(victim.arrived)} requests in 10 days to a dead host")


async def test_failure_of_six_days_is_not_seven(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger
) -> None:
    victim.status = 503
    for _ in range(6):
        await alice.say("Are you there?")
        await settle(ours)
        victim.watch.advance(DAY)
    assert not (await ours.database.read(hosts.get, "victim.example")).is_dead


async def test_signed_word_from_a_host_opens_it(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger
) -> None:
    victim.status = 503
    for _ in range(8):
        victim.watch.advance(2 * DAY)
        await alice.say("Are you there?")
        await settle(ours)
    assert await waits(ours) > 12 * HOUR
    victim.status = 202
    victim.asked.clear()
    assert await vera.tell(ours, vera.says("Like", "http://ours.example/posts/1")) == 202
    await settle(ours)
    assert types(victim) == ["Create"] * 8
    assert not (await ours.database.read(hosts.get, "victim.example")).failures


async def test_unsigned_word_opens_nothing(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger
) -> None:
    victim.status = 503
    await alice.say("Are you there?")
    await settle(ours)
    wrong = Stranger(victim, "vera", pair(7))
    before = await waits(ours)
    assert await wrong.tell(ours, vera.says("Like", "http://ours.example/posts/1")) == 401
    assert await waits(ours) == before


# ---- what the other side answers ----


def in_seconds(_: datetime) -> str:
    return "7200"


def as_a_date(now: datetime) -> str:
    return format_datetime(now + 2 * HOUR, usegmt=True)


def much_too_long(_: datetime) -> str:
    return "9999999"


def much_too_late(now: datetime) -> str:
    return format_datetime(now + 90 * DAY, usegmt=True)


@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(
    ("asked", "expected"),
    [(in_seconds, 2 * HOUR), (as_a_date, 2 * HOUR), (much_too_long, DAY), (much_too_late, DAY)],
)
async def test_host_that_asks_us_to_wait_is_heeded(
    ours: Place,
    alice: Person,
    victim: Neighbour,
    vera: Stranger,
    status: int,
    asked: object,
    expected: timedelta,
) -> None:
    assert callable(asked)
    victim.status, victim.headers = status, {"Retry-After": asked(victim.watch())}
    await alice.say("Hello")
    await settle(ours)
    assert await waits(ours) == expected
    victim.status = 202
    victim.watch.advance(expected)
    await settle(ours)
    assert types(victim) == ["Create", "Create"]
    assert await queue(ours) == (0, 0)


async def attempts(place: Place, victim: Neighbour, most: int = 30) -> int:
    """Number of tries of one delivery in ten days, others left aside."""
    for _ in range(most):
        await settle(place)
        victim.watch.advance(8 * HOUR)
    return len(victim.arrived)


@pytest.mark.parametrize(
    ("status", "tries", "parked"),
    [
        (404, 1, 0),
        (410, 1, 0),
        (400, 1, 1),
        (405, 1, 1),
        (413, 1, 1),
        (301, 1, 1),
        (401, 4, 1),
        (403, 4, 1),
    ],
)
async def test_refusal_is_final_at_once_or_after_a_few_tries(
    ours: Place,
    alice: Person,
    victim: Neighbour,
    vera: Stranger,
    status: int,
    tries: int,
    parked: int,
) -> None:
    victim.status = status
    await alice.say("Hello")
    assert await attempts(ours, victim) == tries
    assert await queue(ours) == (0, parked)


@pytest.mark.parametrize("status", [500, 502, 504, 408])
async def test_fault_of_theirs_holds_up_that_delivery_only(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger, status: int
) -> None:
    async def choosy(request: web.Request) -> web.Response:
        return web.Response(status=status if b"Poison" in await request.read() else 202)

    victim.answers["/inbox"] = choosy
    await alice.say("Poison")
    await settle(ours)
    await alice.say("Wholesome")
    await settle(ours)
    assert await queue(ours) == (1, 0)
    assert [b"Wholesome" in one.body for one in victim.arrived] == [False, True]
    assert not (await ours.database.read(hosts.get, "victim.example")).failures


async def test_delivery_that_makes_us_fail_is_parked_and_others_go_on(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger
) -> None:
    bob = await ours.person("bob")
    assert await vera.tell(ours, vera.says("Follow", bob.actor.uri)) == 202
    await settle(ours)
    victim.asked.clear()
    await bob.say("Without a key")
    await alice.say("Whole")

    def lose_key(writer: Writer) -> None:
        writer.execute("DELETE FROM keys WHERE actor = ?", bob.actor.id)

    await ours.database.write(lose_key)
    for _ in range(5):
        await settle(ours)
        victim.watch.advance(HOUR)
    assert [b"Whole" in one.body for one in victim.arrived] == [True]
    assert await queue(ours) == (0, 1)
    (parked,) = await ours.database.read(deliveries.list_parked)
    assert parked.reason == "a fault of ours: LookupError"


# ---- how often, and in which order ----


def crowd(writer: Writer, vera: str, alice: int, many: int) -> None:
    """Add so many more followers on the same host."""
    template = writer.row(f"SELECT {actors.COLUMNS} FROM actors WHERE uri = ?", vera)
    assert template is not None
    for number in range(many):
        uri = f"http://victim.example/users/crowd{number}"
        row = [writer.new_id(), uri, template[2], f"crowd{number}", *template[4:]]
        writer.execute(f"INSERT INTO actors ({actors.COLUMNS}) VALUES ({actors.PLACES})", *row)
        writer.execute(
            "INSERT INTO follows (id, uri, follower, target, state, created_at)"
            " VALUES (?, ?, ?, ?, 'accepted', 0)",
            writer.new_id(),
            f"{uri}#follow",
            row[0],
            alice,
        )


@pytest.mark.parametrize("visibility", ["public", "private"])
async def test_thousand_followers_on_one_host_are_one_request(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger, visibility: str
) -> None:
    await ours.database.write(crowd, vera.uri, alice.actor.id, 1000)
    await alice.say("@vera@victim.example Hello", visibility=visibility)
    await settle(ours)
    assert [one.path for one in victim.arrived] == ["/inbox"]


async def test_deliveries_about_one_thing_go_in_the_order_in_which_they_were_said(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger
) -> None:
    """Order holds also when the first fails; about another thing they overtake it."""
    failing = True

    async def choosy(request: web.Request) -> web.Response:
        return web.Response(status=500 if failing and b"Like" in await request.read() else 202)

    victim.answers["/users/vera/inbox"] = choosy
    note = vera.note(to=[alice.actor.uri])
    assert await vera.tell(ours, vera.says("Create", note)) == 202
    await settle(ours)
    number = await ours.database.read(
        lambda reader: reader.value("SELECT id FROM posts WHERE uri = ?", note["id"])
    )
    await alice.post(f"/api/v1/statuses/{number}/favourite")
    await settle(ours)
    await alice.post(f"/api/v1/statuses/{number}/unfavourite")
    await alice.post(f"/api/v1/statuses/{number}/favourite")
    await alice.say("Something else")
    await settle(ours)
    assert types(victim) == ["Like", "Create"]
    failing = False
    victim.asked.clear()
    for _ in range(3):
        victim.watch.advance(HOUR)
        await settle(ours)
    assert types(victim) == ["Like", "Undo", "Like"]


async def test_host_gets_at_most_two_deliveries_at_once(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger
) -> None:
    under_way = most = 0

    async def slow(request: web.Request) -> web.Response:
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        async with asyncio.timeout(20):
            while most < 2:  # the first one stays until there is a second
                await asyncio.sleep(0)
        for _ in range(20):  # and there would be time for a third
            await asyncio.sleep(0)
        under_way -= 1
        return web.Response(status=202)

    victim.answers["/inbox"] = slow
    for _ in range(10):
        await alice.say("Hello")
    courier = ours.app[COURIER]
    while any(await asyncio.gather(*(courier.deliver_due() for _ in range(4)))):
        pass
    assert len(victim.arrived) == 10
    assert most == 2


# ---- to whom, at the moment of sending (SECURITY 81) ----


@pytest.mark.parametrize("visibility", ["public", "unlisted", "private", "direct"])
async def test_delivery_to_somebody_blocked_meanwhile_is_withdrawn(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger, visibility: str
) -> None:
    victim.status = 503
    await alice.say("@vera@victim.example A secret", visibility=visibility)
    await settle(ours)
    number = await alice.find("@vera@victim.example")
    await alice.post(f"/api/v1/accounts/{number}/block")
    victim.status = 202
    victim.asked.clear()
    victim.watch.advance(HOUR)
    await settle(ours)
    assert not [one for one in victim.arrived if b"A secret" in one.body]
    assert "Block" in types(victim)
    assert await queue(ours) == (0, 0)


async def test_recipients_beside_a_blocked_one_still_get_it(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger
) -> None:
    await ours.database.write(crowd, vera.uri, alice.actor.id, 1)
    victim.status = 503
    await alice.say("Not a secret")
    await settle(ours)
    number = await alice.find("@vera@victim.example")
    await alice.post(f"/api/v1/accounts/{number}/block")
    victim.status = 202
    victim.asked.clear()
    victim.watch.advance(HOUR)
    await settle(ours)
    assert [one.path for one in victim.arrived if b"Not a secret" in one.body] == ["/inbox"]


async def test_host_that_is_blocked_while_a_delivery_waits_gets_none(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger, internet: Internet
) -> None:
    await alice.say("Hello")
    await alice.post(f"/api/v1/accounts/{await alice.find('@vera@victim.example')}/follow")
    await ours.database.write(hosts.set_tier, "victim.example", "blocked")
    internet.asked.clear()
    await settle(ours)
    assert victim.arrived == []
    assert internet.asked == []
    assert await queue(ours) == (0, 0)


@pytest.mark.parametrize("visibility", ["public", "private"])
async def test_deleted_post_is_not_sent(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger, visibility: str
) -> None:
    victim.status = 503
    said = await alice.say("A slip", visibility=visibility)
    await settle(ours)
    await alice.call("DELETE", f"/api/v1/statuses/{said['id']}")
    victim.status = 202
    victim.asked.clear()
    victim.watch.advance(HOUR)
    await settle(ours)
    assert types(victim) == ["Delete"]


async def test_deliveries_of_somebody_suspended_meanwhile_are_withdrawn(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger
) -> None:
    victim.status = 503
    await alice.say("Hello")
    await settle(ours)
    await alice.post(f"/api/v1/accounts/{await alice.find('@vera@victim.example')}/follow")

    def suspend(writer: Writer) -> None:
        writer.execute(
            "UPDATE actors SET moderation_state = 'suspended' WHERE id = ?", alice.actor.id
        )

    await ours.database.write(suspend)
    victim.status = 202
    victim.asked.clear()
    victim.watch.advance(HOUR)
    await settle(ours)
    assert types(victim) == []


# ---- nothing is lost ----


async def test_peer_that_is_away_for_an_hour_gets_everything_also_over_a_restart(
    tmp_path: Path, internet: Internet, watch: Watch, victim: Neighbour
) -> None:
    vera = victim.person("vera")
    port = internet.ports["victim.example"]
    async with serving(tmp_path, "ours.example", internet, watch) as ours:
        alice = await ours.person("alice")
        assert await vera.tell(ours, vera.says("Follow", alice.actor.uri)) == 202
        await settle(ours)
        victim.asked.clear()
        del internet.ports["victim.example"]
        for number in range(6):
            await alice.say(f"Number {number}")
            await settle(ours)
            watch.advance(10 * MINUTE)
    async with serving(tmp_path, "ours.example", internet, watch) as ours:
        internet.ports["victim.example"] = port
        watch.advance(2 * HOUR)
        await settle(ours)
        found = sorted(one.body.decode().split("Number ")[1][0] for one in victim.arrived)
        assert found == list("012345")
        assert await queue(ours) == (0, 0)
