"""Somebody turned out: nothing of them is seen or comes back in; others hear of it (84)."""

from typing import Any

import pytest
from orjson import loads

from federation.moderation.suspensions import REVERSIBLE
from server.moderation import account_decisions
from server.moderation.account_decisions import COMMAND_LINE, Verdict
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader
from storage.queues import jobs
from storage.queues.job_kinds import EraseActor
from tests.federation.moderation.test_domain_blocks import (
    WAYS,
    Scene,
    announced,
    announced_though_known,
    answered,
    answered_twice,
    quoted,
    relayed,
    said_again,
    scene,
)
from tests.federation.saying import follow, hear, homes
from tests.federation.world import PUBLIC, Document, Neighbour, Stranger
from tests.support.servers import Person, Place, settle

__all__ = ["scene"]

assert WAYS  # the ways of a blocked server: those below are the ways of one account


async def number_of(place: Place, uri: str) -> int:
    def unit(reader: Reader) -> int:
        return int(reader.value("SELECT id FROM actors WHERE uri = ?", uri))

    return await place.database.read(unit)


async def suspend(place: Place, uri: str) -> int:
    id_ = await number_of(place, uri)
    await place.database.write(
        account_decisions.decide,
        COMMAND_LINE,
        ActorId(id_),
        Verdict(action="suspend", text="Enough."),
    )
    return id_


async def searched(scene: Scene, note: Document) -> None:
    for asked in (note["id"], scene.mallory.uri, "@mallory@evil.example"):
        found = await scene.alice.get("/api/v2/search", q=asked, resolve="true")
        assert found == {"accounts": [], "statuses": [], "hashtags": []}


async def pinned(scene: Scene, note: Document) -> None:
    """Another actor of that server shows it first."""
    walt = scene.mallory.at.person("walt")
    await scene.alice.find("@walt@evil.example")
    said = walt.says("Add", note["id"], target=f"{walt.uri}/featured")
    await walt.tell(scene.ours, said)
    await settle(scene.ours)


async def moved(scene: Scene, _: Document) -> None:
    """Their followers are told to go on with them elsewhere."""
    walt = scene.vera.at.person("walt", alsoKnownAs=[scene.mallory.uri])
    said = scene.mallory.says("Move", scene.mallory.uri, target=walt.uri)
    assert await hear(scene.ours, scene.mallory, said) == ("", "")


async def pasted(scene: Scene, note: Document) -> None:
    """Paste it into a document of somebody else."""
    said = scene.vera.says("Announce", note, to=[PUBLIC])
    assert (await hear(scene.ours, scene.vera, said))[0] == "refused"


OWN_WAYS = (
    announced,
    announced_though_known,
    answered,
    answered_twice,
    quoted,
    relayed,
    searched,
    said_again,
    pinned,
    moved,
    pasted,
)


def of_mallory(reader: Reader) -> list[Any]:
    return [
        reader.rows("SELECT uri, effective_state FROM actors WHERE name = 'mallory'"),
        reader.rows(
            "SELECT p.uri, p.content FROM posts p JOIN actors w ON w.id = p.author"
            " WHERE w.name = 'mallory'"
        ),
        reader.value(
            "SELECT count(*) FROM follows f JOIN actors a ON a.id = f.follower"
            " JOIN actors b ON b.id = f.target WHERE 'mallory' IN (a.name, b.name)"
        ),
    ]


@pytest.mark.parametrize("way", OWN_WAYS)
async def test_suspended_account_does_not_come_back_in(
    scene: Scene, evil: Neighbour, way: Any
) -> None:
    assert {path for _, path in await scene.seen()} != set()
    await suspend(scene.ours, scene.mallory.uri)
    await settle(scene.ours)
    before = await scene.ours.database.read(of_mallory)
    note = scene.mallory.note("<p>New words of evil</p>", tag=[])
    evil.serves(note)
    await way(scene, note)
    await settle(scene.ours)
    assert await scene.ours.database.read(of_mallory) == before
    for person in (scene.alice, scene.bob):
        assert not any("evil" in one for one in await homes(person))
        assert await scene.shown(person, "/api/v1/statuses/{post}") == ""
        assert await scene.shown(person, "/api/v1/accounts/{mallory}") == ""


async def test_follows_with_somebody_suspended_end_and_their_server_hears(
    ours: Place, alice: Person, evil: Neighbour
) -> None:
    mallory = evil.person("mallory")
    await follow(alice, mallory)
    await hear(ours, mallory, mallory.says("Follow", alice.actor.uri))
    await settle(ours)
    evil.asked.clear()
    await suspend(ours, mallory.uri)
    await settle(ours)
    assert sorted(loads(sent.body)["type"] for sent in evil.arrived) == ["Reject", "Undo"]
    assert (await ours.database.read(of_mallory))[2] == 0


async def test_suspension_of_a_member_is_told_and_taken_back(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger
) -> None:
    await alice.say("Something.")
    await settle(ours)
    victim.asked.clear()
    id_ = await suspend(ours, alice.actor.uri)
    await settle(ours)
    (sent,) = victim.arrived
    told = loads(sent.body)
    assert (told["type"], told["object"]["suspended"]) == ("Update", True)
    assert (told["object"]["name"], told["object"]["summary"]) == ("alice", "")
    status, body, _ = await vera.get(ours, f"/actors/{id_}")
    assert (status, loads(body)["suspended"]) == (200, True)
    assert loads(body)["publicKey"]["id"] == told["object"]["publicKey"]["id"]
    status, _, _ = await vera.get(ours, f"/actors/{id_}/outbox")
    assert status == 404
    await ours.database.write(account_decisions.undo, COMMAND_LINE, ActorId(id_), "suspend")
    await settle(ours)
    assert loads(victim.arrived[-1].body)["object"]["suspended"] is False
    _, body, _ = await vera.get(ours, f"/actors/{id_}")
    assert "suspended" not in loads(body)


async def test_deliveries_of_a_suspended_account_are_not_sent(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger
) -> None:
    await alice.say("Not heard any more.")
    given = {"display_name": "Alice in a hurry"}
    await alice.call("PATCH", "/api/v1/accounts/update_credentials", json=given)
    await suspend(ours, alice.actor.uri)
    await settle(ours)
    (sent,) = victim.arrived
    assert loads(sent.body)["type"] == "Update"
    assert b"hurry" not in sent.body


async def test_suspension_is_for_good_after_thirty_days(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger
) -> None:
    await ours.person("ada", role="admin")
    await suspend(ours, alice.actor.uri)
    await settle(ours)
    assert await account_decisions.end_next_suspension(ours.database) is False
    victim.watch.advance(REVERSIBLE)
    victim.asked.clear()
    assert await account_decisions.end_next_suspension(ours.database) is True
    await settle(ours)
    assert [loads(sent.body)["type"] for sent in victim.arrived] == ["Delete"]
    status, _, _ = await vera.get(ours, f"/actors/{alice.id}")
    assert status == 410
    assert await ours.database.read(jobs.next_due, EraseActor) is not None


async def test_reactions_of_a_suspended_account_are_seen_no_more(
    ours: Place, alice: Person
) -> None:
    """One of ours: their rows stay, since it can be taken back."""
    walt, bob = await ours.person("walt"), await ours.person("bob")
    await bob.follow(walt)
    said = await alice.say("Mine.")
    for act in ("reblog", "favourite"):
        await walt.post(f"/api/v1/statuses/{said['id']}/{act}")

    async def seen() -> tuple[int, int]:
        return len(await bob.home()), len(await alice.notified())

    assert await seen() == (1, 2)
    await suspend(ours, walt.actor.uri)
    assert await seen() == (0, 0)
