"""Nobody is blamed for our own trouble, nor for what others do (SECURITY 89-92)."""

import pytest
from aiohttp import web

from federation.errors import Unreachable
from federation.inbound.processing import MOST_WAITING_OF_SOURCE, Preparing, Work
from federation.resolve.resolver import Budget
from federation.transport import failures
from federation.transport.pools import Pool
from server.http.allowances import READS
from server.http.app_keys import HTTP_CLIENT, PROCESSOR, RESOLVER
from storage.queues import inbox
from tests.federation.inbound.test_silent_keys_and_needs import naming, silent
from tests.federation.saying import follow
from tests.federation.world import Neighbour, Stranger, verdict
from tests.support.internet import Internet
from tests.support.servers import Person, Place


async def test_hop_that_lets_us_wait_is_silent_and_not_who_sent_us_there(
    ours: Place, evil: Neighbour, internet: Internet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(failures, "FAIR", 0.0)
    resolver = ours.app[RESOLVER]

    async def lead(_: web.Request) -> web.Response:
        return web.Response(status=302, headers={"Location": "http://silent.example/x"})

    evil.answers["/go"] = lead
    async with silent(internet, "silent.example"):
        with pytest.raises(Unreachable):
            await resolver.object(f"{evil.origin}/go", Budget(patience=0.3))
    assert resolver.silent.is_silent("silent.example")
    assert not resolver.silent.is_silent("evil.example")


async def test_host_without_a_fair_time_is_not_called_silent(
    ours: Place, internet: Internet
) -> None:
    resolver = ours.app[RESOLVER]
    async with silent(internet, "silent.example"):
        with pytest.raises(Unreachable):
            await resolver.object("http://silent.example/x", Budget(patience=0.1))
    assert not resolver.silent.is_silent("silent.example")


async def test_key_that_we_had_no_place_to_ask_for_was_not_tried(
    ours: Place, alice: Person, evil: Neighbour
) -> None:
    """Refusal while it rests is our doing: 503 and not 401."""
    mallory, keys = evil.person("mallory"), ours.app[HTTP_CLIENT].places[Pool.KEYS]
    like = mallory.says("Like", alice.actor.uri)
    most, keys.most, keys.waiting = keys.most, 0, 0
    assert await mallory.tell(ours, like) == 503
    keys.most = most
    assert await mallory.tell(ours, like) == 202  # at once
    nobody = Stranger(evil, "nobody", mallory.pair)
    for _ in range(2):  # that their server has no such key is theirs
        assert await nobody.tell(ours, nobody.says("Like", alice.actor.uri)) == 401


async def test_domains_take_turns_in_fetching_for_activities() -> None:
    """However many of sixteen domains wait, the first of another is next."""
    preparing = Preparing()

    def work(number: int, source: str) -> Work:
        row = inbox.Received(number, f"u:{number}", "a", "a", source, "Create", "authentic", "{}")
        return Work(row, source, Budget(pool=Pool.ACTIVITIES))

    for number in range(16 * 16):
        assert preparing.add(work(number, f"evil{number % 16}.example"))
    for _ in range(16):
        taken = preparing.take()
        assert taken is not None
    assert preparing.add(work(1000, "honest.example"))
    found = preparing.take()
    assert found is not None
    assert found.source == "honest.example"
    assert not preparing.add(work(1001, "evil1.example"))  # sixteen of it wait or are under way


async def test_activity_that_needs_nothing_is_applied_beside_waiting_ones(
    ours: Place, alice: Person, evil: Neighbour, internet: Internet
) -> None:
    """A shared server is not stopped for all its people by some of them."""
    loud = [evil.person(f"loud{one}") for one in range(20)]
    quiet = evil.person("quiet")
    for one in loud:
        await follow(alice, one)
    post = await alice.say("Apples.")
    processor = ours.app[PROCESSOR]
    async with silent(internet, "silent.example"):
        for one in loud:
            assert await one.tell(ours, naming(one, ["silent.example"])) == 202
        while await processor.process_next():
            pass
        assert len(processor.preparing) == MOST_WAITING_OF_SOURCE
        like = quiet.says("Like", post["uri"])
        assert await quiet.tell(ours, like) == 202
        while await processor.process_next():
            pass
        assert await verdict(ours, like) == ("done", "")


async def test_server_that_proves_who_it_is_does_not_pay_for_its_neighbours(
    ours: Place, alice: Person, evil: Neighbour
) -> None:
    mallory = evil.person("mallory")
    assert await mallory.tell(ours, mallory.says("Like", alice.actor.uri)) == 202
    reads = ours.app[READS]
    reads._limited = True
    reads.purses.spend("127.0.0.0/24", 100.0)
    path = f"/actors/{alice.id}/outbox"
    assert (await mallory.get(ours, path))[0] == 200
    async with ours.client.get(path, headers={"Accept": "application/activity+json"}) as answer:
        assert answer.status == 429
