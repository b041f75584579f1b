"""Limiting somebody limits what they do, not only the notice of it (SECURITY 96)."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
from orjson import loads

from federation.moderation.domain_blocks import put
from server.moderation import account_decisions
from server.moderation.account_decisions import COMMAND_LINE, Verdict
from storage.communities import memberships
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader
from storage.moderation.decisions import Action
from storage.people import actors
from tests.federation.saying import follow, hear
from tests.federation.world import PUBLIC, Document, Stranger
from tests.support.servers import Person, Place, settle


@dataclass
class Scene:
    """The office limits zoe of evil.example, her server, or walt of ours."""

    ours: Place
    alice: Person
    zoe: Stranger
    walt: Person
    zoes_number: str

    async def limit(self, how: str) -> None:
        if how == "their server":
            await put(self.ours.database, "evil.example", "limited")
            return
        number = self.walt.id if how == "one of ours" else self.zoes_number
        await self.decide(number, "silence")

    async def decide(self, number: str, action: Action) -> None:
        await self.ours.database.write(
            account_decisions.decide, COMMAND_LINE, ActorId(int(number)), Verdict(action=action)
        )

    async def lift(self, how: str) -> None:
        if how == "their server":
            await put(self.ours.database, "evil.example", None)
            return
        number = self.walt.id if how == "one of ours" else self.zoes_number
        await self.ours.database.write(
            account_decisions.undo, COMMAND_LINE, ActorId(int(number)), "silence"
        )

    async def ask(self, how: str, whom: str) -> None:
        """Whoever is limited asks to follow an actor of ours."""
        if how == "one of ours":
            number = await self.ours.database.read(_number, whom)
            await self.walt.post(f"/api/v1/accounts/{number}/follow")
        else:
            said = self.zoe.says("Follow", whom)
            assert (await hear(self.ours, self.zoe, said))[0] == "done"
        await settle(self.ours)

    async def state(self, how: str, whom: str) -> str:
        follower = self.walt.actor.uri if how == "one of ours" else self.zoe.uri
        return await self.ours.database.read(_state, follower, whom)

    def accepted(self) -> int:
        arrived = [loads(one.body) for one in self.zoe.at.arrived]
        return sum(one["type"] == "Accept" for one in arrived)


def _number(reader: Reader, uri: str) -> int:
    return int(reader.value("SELECT id FROM actors WHERE uri = ?", uri))


def _state(reader: Reader, follower: str, target: str) -> str:
    return str(
        reader.value(
            "SELECT f.state FROM follows f JOIN actors a ON a.id = f.follower"
            " JOIN actors b ON b.id = f.target WHERE a.uri = ? AND b.uri = ?",
            follower,
            target,
        )
        or ""
    )


HOW = ("themselves", "their server", "one of ours")


@pytest.fixture
async def scene(ours: Place, alice: Person, evil: Any) -> Scene:
    walt, zoe = await ours.person("walt"), evil.person("zoe")
    return Scene(ours, alice, zoe, walt, await alice.find("@zoe@evil.example"))


@pytest.mark.parametrize("how", HOW)
async def test_limited_one_asks_to_follow_and_waits_for_the_answer(scene: Scene, how: str) -> None:
    alice = scene.alice
    await scene.limit(how)
    await scene.ask(how, alice.actor.uri)
    assert await scene.state(how, alice.actor.uri) == "pending"
    assert scene.accepted() == 0
    handle = "walt" if how == "one of ours" else "zoe@evil.example"
    (request,) = await alice.get("/api/v1/follow_requests")
    assert (request["acct"], request["limited"]) == (handle, True)
    assert await alice.notified() == [("follow_request", handle)]
    secret = await alice.say("For those who follow.", visibility="private")
    await settle(scene.ours)
    assert not any("For those who follow" in str(one.body) for one in scene.zoe.at.arrived)
    assert (await scene.walt.ask("GET", f"/api/v1/statuses/{secret['id']}"))[0] == 404
    await alice.post(f"/api/v1/follow_requests/{request['id']}/authorize")
    await settle(scene.ours)
    assert await scene.state(how, alice.actor.uri) == "accepted"
    assert scene.accepted() == (how != "one of ours")


@pytest.mark.parametrize("how", HOW)
async def test_existing_follow_of_a_limited_account_goes_on(scene: Scene, how: str) -> None:
    await scene.ask(how, scene.alice.actor.uri)
    await scene.limit(how)
    await scene.ask(how, scene.alice.actor.uri)
    assert await scene.state(how, scene.alice.actor.uri) == "accepted"


@pytest.mark.parametrize("how", HOW)
async def test_request_that_waits_is_not_answered_by_the_limit(scene: Scene, how: str) -> None:
    await scene.alice.call("PATCH", "/api/v1/accounts/update_credentials", json={"locked": True})
    await scene.ask(how, scene.alice.actor.uri)
    await scene.limit(how)
    await scene.alice.call("PATCH", "/api/v1/accounts/update_credentials", json={"locked": False})
    if how != "one of ours":  # they ask again
        await scene.ask(how, scene.alice.actor.uri)
    assert await scene.state(how, scene.alice.actor.uri) == "pending"
    await scene.lift(how)
    if how != "one of ours":
        await scene.ask(how, scene.alice.actor.uri)
        assert await scene.state(how, scene.alice.actor.uri) == "accepted"


@pytest.mark.parametrize("how", HOW)
async def test_limited_one_does_not_become_a_member_of_the_community(
    scene: Scene, how: str
) -> None:
    group = await scene.ours.database.read(actors.community)
    if how == "one of ours":  # who joins with their account leaves first
        await scene.walt.post(f"/api/v1/accounts/{group.id}/unfollow")
    await scene.limit(how)
    await scene.ask(how, group.uri)
    assert await scene.state(how, group.uri) == "pending"

    def members(reader: Reader) -> list[ActorId]:
        found = memberships.find(reader, group.id, "members")
        return memberships.actors(reader, found or 0)

    number = scene.walt.actor.id if how == "one of ours" else int(scene.zoes_number)
    assert number not in await scene.ours.database.read(members)
    if how != "one of ours":
        await scene.lift(how)
        await scene.ask(how, group.uri)
        assert number in await scene.ours.database.read(members)


# ---- what else they do ----


def mention(scene: Scene) -> list[Document]:
    return [{"type": "Mention", "href": scene.alice.actor.uri, "name": "@alice@ours.example"}]


async def _mentioned(scene: Scene) -> Document:
    return scene.zoe.note("<p>loud</p>", tag=mention(scene), to=[PUBLIC, scene.alice.actor.uri])


async def _direct(scene: Scene) -> Document:
    return scene.zoe.note("<p>loud</p>", tag=mention(scene), to=[scene.alice.actor.uri], cc=[])


async def _answered(scene: Scene) -> Document:
    said = await scene.alice.say("Mine.")
    return scene.zoe.note("<p>loud</p>", inReplyTo=said["uri"], tag=mention(scene))


async def _tagged(scene: Scene) -> Document:
    await scene.alice.post("/api/v1/tags/tea/follow")
    tag = {"type": "Hashtag", "name": "#tea", "href": "http://evil.example/tags/tea"}
    return scene.zoe.note("<p>loud</p>", tag=[tag, *mention(scene)])


ACTS: dict[str, Callable[[Scene], Awaitable[Document]]] = {
    "mention": _mentioned,
    "direct": _direct,
    "answer": _answered,
    "hashtag": _tagged,
}
SHOWN = ("timelines/home", "timelines/public", "notifications", "conversations")


@pytest.mark.parametrize("act", ACTS)
@pytest.mark.parametrize("how", ["themselves", "their server", ""])
async def test_limited_account_reaches_followers_only(scene: Scene, act: str, how: str) -> None:
    """Post comes without the limit, so that this could fail."""
    if how:
        await scene.limit(how)
    note = await ACTS[act](scene)
    assert (await hear(scene.ours, scene.zoe, scene.zoe.says("Create", note)))[0] == "done"
    shown = [path for path in SHOWN if "loud" in str(await scene.alice.get(f"/api/v1/{path}"))]
    assert bool(shown) == (not how), shown


async def test_limited_account_may_answer_whoever_wrote_to_it(scene: Scene) -> None:
    await scene.limit("themselves")
    said = await scene.alice.say("@zoe@evil.example How are you?", visibility="direct")
    await settle(scene.ours)
    answer = scene.zoe.note(
        "<p>loud</p>", tag=mention(scene), to=[scene.alice.actor.uri], cc=[], inReplyTo=said["uri"]
    )
    assert (await hear(scene.ours, scene.zoe, scene.zoe.says("Create", answer)))[0] == "done"
    assert "loud" in str(await scene.alice.get("/api/v1/conversations"))


@pytest.mark.parametrize("type_", ["Like", "Announce"])
async def test_reactions_of_a_limited_account_notify_nobody(scene: Scene, type_: str) -> None:
    await scene.limit("themselves")
    said = await scene.alice.say("Mine.")
    document = scene.zoe.says(type_, said["uri"], to=[PUBLIC])
    assert (await hear(scene.ours, scene.zoe, document))[0] == "done"
    assert await scene.alice.notified() == []


@pytest.mark.parametrize("limited", [True, False])
async def test_member_quoted_by_a_limited_account_agrees_for_themselves(
    scene: Scene, limited: bool
) -> None:
    if limited:
        await scene.limit("themselves")
    said = await scene.alice.say("Mine.")
    note = scene.zoe.note(quote=said["uri"])
    asked = scene.zoe.says("QuoteRequest", said["uri"], instrument=note)
    assert (await hear(scene.ours, scene.zoe, asked))[0] == "done"
    await settle(scene.ours)
    answers = [loads(one.body)["type"] for one in scene.zoe.at.arrived]
    assert answers == (["Reject"] if limited else ["Accept"])


@pytest.mark.parametrize("how", ["themselves", "their server"])
async def test_limit_by_name_goes_along_when_somebody_moves(scene: Scene, how: str) -> None:
    """One that is their server's stays with that server."""
    await follow(scene.alice, scene.zoe)
    await scene.limit(how)
    new = scene.zoe.at.person("zoe2", alsoKnownAs=[scene.zoe.uri])
    said = scene.zoe.says("Move", scene.zoe.uri, target=new.uri)
    assert (await hear(scene.ours, scene.zoe, said))[0] == "done"
    number = await scene.alice.find("@zoe2@evil.example")
    await put(scene.ours.database, "evil.example", None)
    found = await scene.alice.get(f"/api/v1/accounts/{number}")
    assert found.get("limited", False) == (how == "themselves")
