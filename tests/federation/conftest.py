from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from tests.federation.world import Neighbour, Stranger, neighbour
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Person, Place, serving, settle


@pytest.fixture
def internet() -> Internet:
    return Internet()


@pytest.fixture
async def ours(tmp_path: Path, internet: Internet, watch: Watch) -> AsyncIterator[Place]:
    async with serving(tmp_path / "ours", "ours.example", internet, watch) as place:
        yield place


@pytest.fixture
async def alice(ours: Place) -> Person:
    return await ours.person("alice")


@pytest.fixture
async def neighbours(
    internet: Internet, watch: Watch
) -> AsyncIterator[tuple[Neighbour, Neighbour]]:
    """evil.example and victim.example."""
    async with AsyncExitStack() as stack:
        made = []
        for host in ("evil.example", "victim.example"):
            found, server = await neighbour(internet, watch, host)
            stack.push_async_callback(server.close)
            made.append(found)
        yield made[0], made[1]


@pytest.fixture
def evil(neighbours: tuple[Neighbour, Neighbour]) -> Neighbour:
    return neighbours[0]


@pytest.fixture
def victim(neighbours: tuple[Neighbour, Neighbour]) -> Neighbour:
    return neighbours[1]


@pytest.fixture
async def vera(ours: Place, alice: Person, victim: Neighbour) -> Stranger:
    """A follower of alice on victim.example, accepted."""
    vera = victim.person("vera")
    assert await vera.tell(ours, vera.says("Follow", alice.actor.uri)) == 202
    await settle(ours)
    victim.asked.clear()
    return vera
