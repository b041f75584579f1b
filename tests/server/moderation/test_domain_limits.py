"""Servers that are heard more quietly, and what is not taken of them (SECURITY 83)."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from server.cli.commands import run
from server.cli.control_socket import CommandFailed
from server.moderation import account_decisions, domain_limits
from server.moderation.account_decisions import COMMAND_LINE
from server.moderation.domain_limits import DomainLimitParams
from storage.engine.transaction import Reader
from storage.people import actors
from storage.queues import hosts
from tests.federation.saying import follow, hear
from tests.federation.world import Neighbour, Stranger, neighbour
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Person, Place, serving


@pytest.fixture
async def there(
    tmp_path: Path, watch: Watch
) -> AsyncIterator[tuple[Place, Person, Person, Neighbour, Stranger]]:
    """Ours with alice, who follows loud of sub.evil.example, and bob."""
    internet = Internet()
    async with serving(tmp_path / "ours", "ours.example", internet, watch) as ours:
        evil, server = await neighbour(internet, watch, "sub.evil.example")
        alice, bob = await ours.person("alice"), await ours.person("bob")
        loud = evil.person("loud")
        await follow(alice, loud)
        yield ours, alice, bob, evil, loud
        await server.close()


There = tuple[Place, Person, Person, Neighbour, Stranger]


async def silence(place: Place, name: str = "evil.example") -> int:
    return await domain_limits.put(
        place.database, COMMAND_LINE, name, DomainLimitParams(tier="limited")
    )


async def test_silenced_server_is_heard_by_those_who_follow(there: There) -> None:
    ours, alice, bob, _, loud = there
    said = loud.says("Create", loud.note("<p>Hear me</p>"))
    assert (await hear(ours, loud, said))[0] == "done"
    assert len(await bob.get("/api/v1/timelines/public")) == 1
    assert await silence(ours) == 1
    assert await bob.get("/api/v1/timelines/public") == []
    assert len(await alice.home()) == 1
    number = await alice.find("@loud@sub.evil.example")
    assert (await bob.get(f"/api/v1/accounts/{number}"))["limited"] is True
    await domain_limits.lift(ours.database, COMMAND_LINE, "evil.example")
    assert len(await bob.get("/api/v1/timelines/public")) == 1


async def test_newcomer_of_a_silenced_server_is_silenced(there: There) -> None:
    ours, alice, _, evil, _ = there
    await silence(ours)
    newcomer = evil.person("newcomer")
    await alice.find("@newcomer@sub.evil.example")
    found = await ours.database.read(actors.by_uri, newcomer.uri)
    assert found is not None
    assert found.silenced


async def test_server_that_is_let_be_leaves_a_decision_about_one_account(there: There) -> None:
    ours, _, _, _, loud = there
    await silence(ours)
    found = await ours.database.read(actors.by_uri, loud.uri)
    assert found is not None
    verdict = account_decisions.Verdict(action="silence")
    await ours.database.write(account_decisions.decide, COMMAND_LINE, found.id, verdict)
    await domain_limits.lift(ours.database, COMMAND_LINE, "evil.example")
    found = await ours.database.read(actors.by_uri, loud.uri)
    assert found is not None
    assert found.silenced


async def test_domain_block_holds_for_all_beneath(there: There) -> None:
    ours, *_ = there
    params = DomainLimitParams(tier=None, reject_media=True)
    await domain_limits.put(ours.database, COMMAND_LINE, "evil.example", params)

    def rejected(reader: Reader) -> list[tuple[bool, bool]]:
        names = ("evil.example", "sub.evil.example", "sub.evil.example:8443", "notevil.example")
        return [hosts.rejects(reader, name) for name in names]

    assert await ours.database.read(rejected) == [(True, False)] * 3 + [(False, False)]


@pytest.mark.parametrize("name", ["com", "ORG", "localhost", "example", "ours.example", "com."])
async def test_domain_block_of_ourselves_or_of_a_public_suffix_is_refused(
    place: Place, name: str
) -> None:
    """Client and command refuse it; one slip would take away half the world."""
    ada = await place.person("ada", role="admin", scopes="read write admin:write")
    own = "home.example" if name == "ours.example" else name
    status, body = await ada.ask("POST", "/api/v1/admin/domain_blocks", json={"domain": own})
    assert (status, own.lower().rstrip(".") in body["error"].lower()) == (422, True)
    with pytest.raises(CommandFailed):
        await run(place.app, "server block", {"domain": own})
    assert await run(place.app, "server list", {}) == []
