from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest

from tests.peers.harness import Fedify, fedify_peer, serving_on_a_port
from tests.support.servers import Person, Place


@pytest.fixture(scope="module")
def process() -> Iterator[Fedify]:
    """One process for all tests of a module."""
    with fedify_peer() as peer:
        yield peer


@pytest.fixture
async def frida(process: Fedify) -> Fedify:
    """The peer, who remembers nothing of earlier tests."""
    await process.tell("reset")
    return process


@pytest.fixture
async def home(tmp_path: Path) -> AsyncIterator[Place]:
    async with serving_on_a_port(tmp_path) as place:
        yield place


@pytest.fixture
async def alice(home: Place) -> Person:
    return await home.person("alice")
