"""Whom their own server suspends is hidden here too, and comes back when it says so."""

from typing import Any

import pytest

from federation.moderation import suspensions
from server.moderation.account_decisions import media_of
from storage.engine.transaction import Writer
from storage.moderation.domain_blocks import parts, settle
from storage.people import actors
from storage.people.actors import Actor
from storage.queues import hosts
from storage.queues.hosts import Tier
from tests.federation.saying import follow, hear, homes
from tests.federation.world import Neighbour, Stranger
from tests.support.servers import Person, Place
from tests.support.servers import settle as rest


async def told(ours: Place, who: Stranger, **more: Any) -> tuple[str, str]:
    """Their server says how they are."""
    return await hear(ours, who, who.says("Update", who.document(**more)))


async def known(ours: Place, who: Stranger) -> Actor:
    found = await ours.database.read(actors.by_uri, who.uri)
    assert found is not None
    return found


async def resolver(person: Person, who: Stranger) -> int:
    path = "/api/v1/accounts/lookup"
    handle = f"{who.name}@{who.at.host}"
    return (await person.ask("GET", path, params={"acct": handle}))[0]


@pytest.fixture
async def said(ours: Place, alice: Person, victim: Neighbour) -> Stranger:
    """Somebody whom alice follows, who has said something."""
    stranger = victim.person("victor")
    await follow(alice, stranger)
    await hear(ours, stranger, stranger.says("Create", stranger.note("<p>Hello</p>")))
    assert await homes(alice) == ["Hello"]
    return stranger


async def test_remotely_suspended_account_is_hidden_and_comes_back(
    ours: Place, alice: Person, said: Stranger
) -> None:
    assert (await told(ours, said, suspended=True))[0] == "done"
    assert await homes(alice) == []
    assert await resolver(alice, said) == 404
    assert (await told(ours, said, suspended=True))[0] == "done"
    assert (await told(ours, said, suspended=False, name="Victor"))[0] == "done"
    assert await homes(alice) == ["Hello"]
    assert await resolver(alice, said) == 200
    assert (await known(ours, said)).display_name == "Victor"
    assert (await told(ours, said, suspended=True))[0] == "done"
    assert (await told(ours, said))[0] == "done"  # a document that says nothing of it
    assert await homes(alice) == ["Hello"]


async def test_remotely_suspended_account_says_nothing_meanwhile(
    ours: Place, alice: Person, said: Stranger
) -> None:
    (before,) = await alice.home()
    await told(ours, said, suspended=True)
    note = said.note("<p>I am still here</p>")
    for document in (
        said.says("Create", note),
        said.says("Update", note | {"id": before["uri"]}),
        said.says("Follow", alice.actor.uri),
        said.says("Delete", before["uri"]),
    ):
        assert await said.tell(ours, document) == 202
        await rest(ours)
    await told(ours, said, suspended=False)
    assert await homes(alice) == ["Hello"]
    assert await alice.notified() == []


async def test_remote_suspension_is_said_by_its_server_only(
    ours: Place, alice: Person, said: Stranger
) -> None:
    mallory = said.at.person("mallory")
    await hear(ours, mallory, mallory.says("Update", said.document(suspended=True)))
    assert await homes(alice) == ["Hello"]
    await told(ours, said, suspended=True)
    await mallory.tell(ours, mallory.says("Update", said.document(suspended=False)))
    await rest(ours)
    assert await homes(alice) == []


async def decide(ours: Place, who: Stranger, act: Any) -> None:
    def unit(writer: Writer) -> None:
        found = actors.by_uri(writer, who.uri)
        assert found is not None
        act(writer, found, media_of(writer))

    await ours.database.write(unit)


@pytest.mark.parametrize("theirs_first", [True, False])
async def test_decision_of_ours_is_kept_apart(
    ours: Place, said: Stranger, theirs_first: bool
) -> None:
    if theirs_first:
        await told(ours, said, suspended=True)
        await decide(ours, said, suspensions.suspend)
    else:
        await decide(ours, said, suspensions.suspend)
        await ours.database.write(heed, said.uri, True)
    assert (await known(ours, said)).moderation_state == "suspended"
    await said.tell(ours, said.says("Update", said.document(suspended=False)))
    await rest(ours)
    found = await known(ours, said)
    assert (found.effective_state, found.remote_suspended) == (
        "suspended",
        True,
    )  # not heard at all
    await decide(ours, said, suspensions.restore)
    assert (await known(ours, said)).effective_state == "suspended"
    await told(ours, said, suspended=False)
    assert (await known(ours, said)).effective_state == "active"


def heed(writer: Writer, uri: str, suspended: bool) -> None:
    found = actors.by_uri(writer, uri)
    assert found is not None
    actors.set_remote_suspended(writer, found, suspended)


def tier(writer: Writer, host: str, name: Tier | None) -> None:
    hosts.set_tier(writer, host, name)
    for part in parts(writer):
        if part.is_within(host):
            settle(writer, part, 0)


async def test_block_of_their_server_and_their_own_hiding_do_not_lift_each_other(
    ours: Place, said: Stranger
) -> None:
    await told(ours, said, suspended=True)
    await ours.database.write(tier, said.at.host, "blocked")
    await ours.database.write(tier, said.at.host, None)
    assert (await known(ours, said)).effective_state == "suspended"
    await told(ours, said, suspended=False)
    assert (await known(ours, said)).effective_state == "active"
    await ours.database.write(tier, said.at.host, "blocked")
    await told_nothing(ours, said)
    assert (await known(ours, said)).effective_state == "suspended"


async def told_nothing(ours: Place, who: Stranger) -> None:
    await who.tell(ours, who.says("Update", who.document(suspended=False)))
    await rest(ours)


async def test_remotely_suspended_account_may_be_deleted_there(
    ours: Place, alice: Person, said: Stranger
) -> None:
    await told(ours, said, suspended=True)
    assert (await hear(ours, said, said.says("Delete", said.uri)))[0] == "done"
    assert (await known(ours, said)).effective_state == "deleted"
    await said.tell(ours, said.says("Update", said.document()))
    await rest(ours)
    assert (await known(ours, said)).effective_state == "deleted"
    assert await homes(alice) == []


async def test_account_met_while_suspended_is_not_shown(
    ours: Place, alice: Person, victim: Neighbour
) -> None:
    stranger = victim.person("walt", suspended=True)
    path = "/api/v2/search"
    asked = {"q": f"@walt@{victim.host}", "resolve": "true", "type": "accounts"}
    assert (await alice.get(path, **asked))["accounts"] == []
    assert (await known(ours, stranger)).remote_suspended
