"""Who is blocked or muted is heard in no way, and strangers do not shout (SECURITY 85)."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest

from federation.activities.shared.incoming_post import MOST_FROM_STRANGERS
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader
from storage.moderation import decisions
from tests.federation.saying import follow, hear
from tests.federation.world import PUBLIC, Document, Neighbour, Stranger
from tests.support.servers import Person, Place, settle


@dataclass
class Scene:
    """alice and bob of ours; vera has to do with both; alice wrote `post`, and vera `note`."""

    ours: Place
    alice: Person
    bob: Person
    vera: Stranger
    post: str
    note: Document


def mention(alice: Person) -> list[Document]:
    return [{"type": "Mention", "href": alice.actor.uri, "name": "@alice@ours.example"}]


TYPES: dict[str, Callable[[Scene], Document]] = {
    "mention": lambda s: s.vera.says(
        "Create", s.vera.note("<p>loud</p>", tag=mention(s.alice), to=[PUBLIC, s.alice.actor.uri])
    ),
    "direct": lambda s: s.vera.says(
        "Create",
        s.vera.note("<p>loud</p>", tag=mention(s.alice), to=[s.alice.actor.uri], cc=[]),
    ),
    "answer": lambda s: s.vera.says(
        "Create", s.vera.note("<p>loud</p>", inReplyTo=s.post, tag=mention(s.alice))
    ),
    "public": lambda s: s.vera.says("Create", s.vera.note("<p>loud</p>")),
    "Like": lambda s: s.vera.says("Like", s.post),
    "Announce": lambda s: s.vera.says("Announce", s.post, to=[PUBLIC]),
    "Follow": lambda s: s.vera.says("Follow", s.alice.actor.uri),
    "Update": lambda s: s.vera.says("Update", s.note | {"content": "<p>loud</p>"}),
    "Block": lambda s: s.vera.says("Block", s.alice.actor.uri),
}


@pytest.fixture
async def scene(ours: Place, alice: Person, victim: Neighbour) -> Scene:
    bob = await ours.person("bob")
    vera = victim.person("vera")
    for person in (alice, bob):
        await follow(person, vera)
    note = vera.note("<p>quiet</p>", tag=mention(alice))
    assert (await hear(ours, vera, vera.says("Create", note)))[0] == "done"
    post = await alice.say("Mine.")
    await settle(ours)
    return Scene(ours, alice, bob, vera, post["uri"], note)


async def noise(scene: Scene) -> list[object]:
    """Whatever alice is told or shown of vera."""
    surfaces = ("timelines/home", "timelines/public", "notifications", "follow_requests")
    shown = [str(await scene.alice.get(f"/api/v1/{surface}")) for surface in surfaces]
    uri = scene.post.rpartition("/")[2]
    context = str(await scene.alice.get(f"/api/v1/statuses/{uri}/context"))
    return [
        surface[max(found.start() - 40, 0) : found.end() + 40]
        for surface in (*shown, context)
        for found in re.finditer("loud|vera@victim", surface)
    ]


@pytest.mark.parametrize("kept_away", ["block", "mute"])
@pytest.mark.parametrize("type_", TYPES)
async def test_blocked_and_muted_are_heard_in_no_way(
    scene: Scene, type_: str, kept_away: str
) -> None:
    number = await scene.alice.find("@vera@victim.example")
    await scene.alice.post(f"/api/v1/accounts/{number}/{kept_away}")
    await settle(scene.ours)
    said = TYPES[type_](scene)
    await scene.vera.tell(scene.ours, said)
    await settle(scene.ours)
    assert await noise(scene) == []


@pytest.mark.parametrize("type_", ["mention", "answer", "Like", "Announce", "Follow"])
async def test_accounts_without_a_limit_are_heard(scene: Scene, type_: str) -> None:
    """Proof that the sweep above could fail."""
    await scene.alice.post("/api/v1/notifications/clear")
    assert (await hear(scene.ours, scene.vera, TYPES[type_](scene)))[0] == "done"
    assert "vera@victim" in str(await scene.alice.get("/api/v1/notifications"))


async def test_server_of_strangers_is_heard_so_often_and_no_more(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour
) -> None:
    friend = victim.person("friend")
    await follow(alice, friend)
    for number in range(MOST_FROM_STRANGERS + 3):
        crowd = evil.person(f"mallory{number}")
        said = crowd.says("Create", crowd.note("<p>Buy</p>", tag=mention(alice)))
        judged = (await hear(ours, crowd, said))[0]
        assert judged == ("done" if number < MOST_FROM_STRANGERS else "refused"), number
    known = friend.says("Create", friend.note("<p>Hello</p>", tag=mention(alice)))
    assert (await hear(ours, friend, known))[0] == "done"
    await alice.say("@mallory0@evil.example What do you want?")
    crowd = evil.person("mallory0")
    evil.watch.advance(timedelta(minutes=5))
    await settle(ours)
    evil.watch.advance(timedelta(hours=1))
    said = crowd.says("Create", crowd.note("<p>Nothing</p>", tag=mention(alice)))
    assert (await hear(ours, crowd, said))[0] == "done"


async def test_silenced_account_is_told_only_to_followers(scene: Scene) -> None:
    carol = await scene.ours.person("carol")

    def number(reader: Reader) -> int:
        return int(reader.value("SELECT id FROM actors WHERE uri = ?", scene.vera.uri))

    vera = await scene.ours.database.read(number)
    await scene.ours.database.write(decisions.silence, ActorId(vera))
    both = [
        {"type": "Mention", "href": one.actor.uri, "name": f"@{one.actor.name}"}
        for one in (scene.alice, carol)
    ]
    said = scene.vera.says("Create", scene.vera.note("<p>loud</p>", tag=both))
    assert (await hear(scene.ours, scene.vera, said))[0] == "done"
    assert "loud" in str(await scene.alice.get("/api/v1/notifications"))
    assert "loud" not in str(await carol.get("/api/v1/notifications"))
    assert "loud" not in str(await carol.get("/api/v1/timelines/public"))
