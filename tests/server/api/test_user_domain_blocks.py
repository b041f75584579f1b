"""A member who blocks a host sees nothing of it, anywhere; others see what they saw."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from storage.people import actors
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Person, Place, serving, settle

BLOCKS = "/api/v1/domain_blocks"


@dataclass
class World:
    home: Place
    away: Place
    alice: Person
    bob: Person
    vera: Person
    vera_here: str

    async def settle(self) -> None:
        await settle(self.home, self.away)


@pytest.fixture
async def world(tmp_path: Path, watch: Watch) -> AsyncIterator[World]:
    """Alice and bob follow vera, who lives at away.example and follows alice."""
    internet = Internet()
    async with (
        serving(tmp_path / "home", "home.example", internet, watch) as home,
        serving(tmp_path / "away", "away.example", internet, watch) as away,
    ):
        alice, bob = await home.person("alice"), await home.person("bob")
        vera = await away.person("vera")
        for one in (alice, bob):
            await one.follow(vera)
        await vera.follow(alice)
        await settle(home, away)
        yield World(home, away, alice, bob, vera, await alice.find(vera.handle))


SURFACES = (
    "/api/v1/timelines/home",
    "/api/v1/timelines/public",
    "/api/v1/timelines/tag/lantern",
    "/api/v1/timelines/list/{list}",
    "/api/v1/notifications",
    "/api/v1/conversations",
    "/api/v1/statuses/{own}/context",
    "/api/v2/search?q=lantern&type=statuses",
    "/api/v2/search?q=vera&type=accounts",
    "/api/v1/accounts/search?q=vera",
    "/api/v1/directory",
)


async def fill(world: World) -> dict[str, str]:
    """Something of vera's on every surface; numbers that the addresses need."""
    alice, vera = world.alice, world.vera
    own = await alice.say("What about a lantern?")
    made = await alice.post("/api/v1/lists", title="Near")
    await alice.post(f"/api/v1/lists/{made['id']}/accounts", account_ids=[world.vera_here])
    await world.settle()
    there = await vera.get("/api/v2/search", q=own["uri"], resolve="true")
    await vera.say("@alice@home.example a #lantern", in_reply_to_id=there["statuses"][0]["id"])
    await vera.say("A #lantern of its own.")
    await vera.say("@alice@home.example a lantern for you", visibility="direct")
    await world.settle()
    return {"list": made["id"], "own": own["id"]}


def marked(answer: Any) -> bool:
    return "vera@away.example" in str(answer)


@pytest.mark.parametrize("host", ["away.example", "AWAY.example", "example"])
async def test_blocked_host_is_seen_nowhere(world: World, host: str) -> None:
    """Block by the host's own name, however it is written, or by that of the domain above it."""
    numbers = await fill(world)
    paths = [path.format(**numbers) for path in SURFACES]
    before = {path: marked(await world.alice.get(path)) for path in paths}
    assert [path for path, shown in before.items() if not shown] == []
    assert await world.alice.post(BLOCKS, domain=host) == {}
    after = {path: marked(await world.alice.get(path)) for path in paths}
    assert [path for path, shown in after.items() if shown] == []
    assert marked(await world.bob.get("/api/v1/timelines/home"))
    assert await world.alice.get(BLOCKS) == [host.lower()]
    print(f"{len(paths)} surfaces")


async def test_domain_block_cuts_relationships_and_they_are_told(world: World) -> None:
    alice, vera = world.alice, world.vera
    preview = await alice.get(f"{BLOCKS}/preview", domain="away.example")
    assert preview == {"following_count": 1, "followers_count": 1}
    await alice.post(BLOCKS, domain="away.example")
    await world.settle()
    (there,) = await vera.get("/api/v1/accounts/relationships", id=await vera.find(alice.handle))
    assert (there["following"], there["followed_by"]) == (False, False)
    (site,) = await alice.get("/api/v1/accounts/relationships", id=world.vera_here)
    assert (site["following"], site["followed_by"], site["domain_blocking"]) == (False, False, True)
    (others,) = await world.bob.get("/api/v1/accounts/relationships", id=world.vera_here)
    assert (others["following"], others["domain_blocking"]) == (True, False)
    preview = await alice.get(f"{BLOCKS}/preview", domain="away.example")
    assert preview == {"following_count": 0, "followers_count": 0}


async def test_domain_block_keeps_follows_from_being(world: World) -> None:
    alice, vera = world.alice, world.vera
    await alice.post(BLOCKS, domain="away.example")
    await world.settle()
    status, _ = await alice.ask("POST", f"/api/v1/accounts/{world.vera_here}/follow")
    assert status == 403
    await vera.follow(alice)
    await world.settle()
    assert await alice.get(f"/api/v1/accounts/{alice.id}/followers") == []
    assert await alice.get("/api/v1/follow_requests") == []
    assert await alice.call("DELETE", f"{BLOCKS}?domain=away.example") == {}
    await alice.post(f"/api/v1/accounts/{world.vera_here}/follow")
    await world.settle()
    (site,) = await alice.get("/api/v1/accounts/relationships", id=world.vera_here)
    assert (site["following"], site["domain_blocking"]) == (True, False)


async def test_domain_block_silences_notifications(world: World) -> None:
    alice, vera = world.alice, world.vera
    own = await alice.say("Hello.")
    await world.settle()
    await alice.post(BLOCKS, domain="away.example")
    await world.settle()
    before = await alice.notified()
    there = (await vera.get("/api/v2/search", q=own["uri"], resolve="true"))["statuses"][0]
    await vera.post(f"/api/v1/statuses/{there['id']}/favourite")
    await vera.post(f"/api/v1/statuses/{there['id']}/reblog")
    await vera.say("@alice@home.example hello", in_reply_to_id=there["id"])
    await world.settle()
    assert await alice.notified() == before
    await alice.call("DELETE", BLOCKS, json={"domain": "away.example"})
    assert await alice.notified() == []


async def test_host_of_ours_cannot_be_blocked(world: World) -> None:
    for wrong in ("home.example", "", "not a name", "http://away.example/"):
        status, body = await world.alice.ask("POST", BLOCKS, json={"domain": wrong})
        assert status == 422, wrong
        assert set(body) == {"error"}
    assert await world.alice.get(BLOCKS) == []


async def test_list_of_blocked_hosts_is_paged(world: World) -> None:
    for name in ("one", "two", "three"):
        await world.alice.post(BLOCKS, domain=f"{name}.example")
    headers = {"Authorization": f"Bearer {world.alice.token}"}
    async with world.home.client.get(f"{BLOCKS}?limit=2", headers=headers) as answer:
        assert await answer.json() == ["three.example", "two.example"]
        link = answer.headers["Link"]
    assert "since_id=" in link
    rest = await world.alice.get(link.partition(">")[0].removeprefix("<http://home.example"))
    assert rest == ["one.example"]
    assert await world.home.database.read(actors.count_hosts) == 1
