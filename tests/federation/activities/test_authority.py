"""Who may do what: only the owner of a thing, by full URI, whoever else signs well (SECURITY 17).

The matrix is generated: each act on somebody's thing, by its owner, by another actor of the same
server and by one of another server; the latter in their own name and in the owner's.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from itertools import count
from typing import Any

from server.http.app_keys import RESOLVER
from storage.people import actors, follows
from tests.federation.world import (
    PUBLIC,
    Contents,
    Document,
    Neighbour,
    Stranger,
    changed,
    contents,
    verdict,
)
from tests.support.servers import Person, Place, settle

_numbers = count(1)


@dataclass
class Scene:
    """`owner` is followed by alice, and has nothing yet but what an act gives them."""

    alice: Person
    owner: Stranger

    @property
    def place(self) -> Place:
        return self.alice.place

    async def hear(self, document: Mapping[str, Any]) -> Document:
        """The owner says it, and it takes effect."""
        assert await self.owner.tell(self.place, document) == 202
        await settle(self.place)
        assert await verdict(self.place, document) == ("done", "")
        return dict(document)

    async def posted(self) -> Document:
        said = self.owner.note("<p>First</p>")
        self.owner.at.serves(said)
        await self.hear(self.owner.says("Create", said))
        return said

    async def said_by_alice(self) -> str:
        return str((await self.alice.say("Mine"))["uri"])


Claim = Callable[[Stranger], Document]
Prepare = Callable[[Scene], Awaitable[Claim]]


async def create(scene: Scene) -> Claim:
    return lambda who: who.says("Create", scene.owner.note())


async def update_post(scene: Scene) -> Claim:
    known = await scene.posted()
    return lambda who: who.says("Update", known | {"content": "<p>Changed</p>"})


async def update_post_as_own(scene: Scene) -> Claim:
    known = await scene.posted()
    return lambda who: who.says("Update", known | {"content": "<p>!</p>", "attributedTo": who.uri})


def question(owner: Stranger, votes: int, **more: Any) -> Document:
    replies = {"type": "Collection", "totalItems": votes}
    option = {"type": "Note", "name": "Leek", "replies": replies}
    return owner.note("<p>Which?</p>", type="Question", oneOf=[option], **more)


async def update_question(scene: Scene) -> Claim:
    known = question(scene.owner, 1)
    scene.owner.at.serves(known)
    await scene.hear(scene.owner.says("Create", known))
    changed = question(scene.owner, 5, id=known["id"])
    return lambda who: who.says("Update", changed)


async def vote(scene: Scene) -> Claim:
    params = {"options": ["Leek", "Kale"], "expires_in": 3600}
    asked = (await scene.alice.say("Which?", poll=params))["uri"]
    chosen = scene.owner.note("", name="Kale", inReplyTo=asked, to=[scene.alice.actor.uri])
    return lambda who: who.says("Create", chosen)


async def add(scene: Scene) -> Claim:
    known = await scene.posted()
    return lambda who: who.says("Add", known["id"], target=featured_of(scene.owner))


async def add_to_own(scene: Scene) -> Claim:
    known = await scene.posted()
    return lambda who: who.says("Add", known["id"], target=featured_of(who))


async def remove(scene: Scene) -> Claim:
    known = await scene.posted()
    target = featured_of(scene.owner)
    await scene.hear(scene.owner.says("Add", known["id"], target=target))
    return lambda who: who.says("Remove", known["id"], target=target)


def featured_of(whom: Stranger) -> str:
    return f"{whom.uri}/featured"


def asking_to_quote(*, embedded: bool) -> Prepare:
    async def ask(scene: Scene) -> Claim:
        quoted = await scene.said_by_alice()
        known = await scene.posted()
        instrument = known if embedded else known["id"]
        return lambda who: who.says("QuoteRequest", quoted, instrument=instrument)

    return ask


async def update_profile(scene: Scene) -> Claim:
    return lambda who: who.says("Update", scene.owner.document(name="Changed"))


async def delete_post(scene: Scene) -> Claim:
    known = await scene.posted()
    return lambda who: who.says("Delete", known["id"])


async def delete_post_with_tombstone(scene: Scene) -> Claim:
    known = await scene.posted()
    return lambda who: who.says("Delete", {"id": known["id"], "type": "Tombstone"})


async def delete_actor(scene: Scene) -> Claim:
    return lambda who: who.says("Delete", scene.owner.uri)


async def move(scene: Scene) -> Claim:
    new = scene.owner.at.person(f"new{next(_numbers)}")
    new.at.serves(new.document(alsoKnownAs=[scene.owner.uri]))
    await scene.place.app[RESOLVER].actor(new.uri)
    return lambda who: who.says("Move", scene.owner.uri, target=new.uri)


def undoing(type_: str, *, embedded: bool) -> Prepare:
    async def undo(scene: Scene) -> Claim:
        mine = await scene.said_by_alice()
        what = scene.alice.actor.uri if type_ in ("Follow", "Block") else mine
        done = await scene.hear(scene.owner.says(type_, what, to=[PUBLIC]))
        return lambda who: who.says("Undo", done if embedded else done["id"])

    return undo


def answering(type_: str, *, embedded: bool, accepted: bool = False) -> Prepare:
    async def answer(scene: Scene) -> Claim:
        asked = await scene.place.database.read(_follow_of, scene.alice.actor.uri, scene.owner.uri)
        if accepted:
            await scene.hear(scene.owner.says("Accept", asked["id"]))
        return lambda who: who.says(type_, asked if embedded else asked["id"])

    return answer


def _follow_of(reader: Any, follower: str, target: str) -> Document:
    one, other = actors.by_uri(reader, follower), actors.by_uri(reader, target)
    assert one is not None and other is not None
    known = follows.between(reader, one.id, other.id)
    assert known is not None
    return {"type": "Follow", "id": known.uri, "actor": follower, "object": target}


# Everybody may do these of themselves; in the owner's name only the owner.
def own(type_: str) -> Prepare:
    async def act(scene: Scene) -> Claim:
        mine = await scene.said_by_alice()
        what = scene.alice.actor.uri if type_ in ("Follow", "Block") else mine
        return lambda who: scene.owner.says(type_, what, to=[PUBLIC])

    return act


ACTS: dict[str, Prepare] = {
    "Create a post": create,
    "Update a post": update_post,
    "Update a post, as one's own": update_post_as_own,
    "Update a question": update_question,
    "Vote": vote,
    "Add a post": add,
    "Add a post, to one's own": add_to_own,
    "Remove a post": remove,
    "Ask to quote, embedded": asking_to_quote(embedded=True),
    "Ask to quote, by URI": asking_to_quote(embedded=False),
    "Update a profile": update_profile,
    "Delete a post": delete_post,
    "Delete a post, with tombstone": delete_post_with_tombstone,
    "Delete an actor": delete_actor,
    "Move": move,
    **{
        f"Undo {type_}, {'embedded' if embedded else 'by URI'}": undoing(type_, embedded=embedded)
        for type_ in ("Follow", "Like", "Announce", "Block")
        for embedded in (True, False)
    },
    **{
        f"{type_} a follow, {'embedded' if embedded else 'by URI'}": answering(
            type_, embedded=embedded, accepted=type_ == "Reject"
        )
        for type_ in ("Accept", "Reject")
        for embedded in (True, False)
    },
    **{type_: own(type_) for type_ in ("Follow", "Like", "Announce", "Block")},
}


def somebody(at: Neighbour, name: str) -> Stranger:
    return at.person(name, featured=f"{at.origin}/users/{name}/featured")


async def differences(place: Place, before: Contents) -> dict[str, Any]:
    return changed(before, await place.database.read(contents))


async def test_owner_alone_can_touch_a_thing(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour
) -> None:
    mallory, victor = somebody(evil, "mallory"), somebody(victim, "victor")
    for stranger in (mallory, victor):
        await ours.app[RESOLVER].actor(stranger.uri)
    cells = 0
    wrong: list[tuple[Any, ...]] = []
    for name, prepare in ACTS.items():
        owner = somebody(victim, f"vera{next(_numbers)}")
        number = await alice.find(f"@{owner.name}@{victim.host}")
        await alice.post(f"/api/v1/accounts/{number}/follow")
        await settle(ours)
        claim = await prepare(Scene(alice, owner))
        await settle(ours)
        before = await ours.database.read(contents)
        for signer, speaker in ((s, t) for s in (victor, mallory) for t in (s, owner)):
            cells += 1
            assert await signer.tell(ours, claim(speaker)) == 202
            await settle(ours)
            if found := await differences(ours, before):
                wrong.append((name, signer.name, f"as {speaker.name}", found))
                before = await ours.database.read(contents)
        cells += 1
        assert await owner.tell(ours, claim(owner)) == 202
        await settle(ours)
        if not await differences(ours, before):
            wrong.append((name, "its owner", await verdict(ours, claim(owner)), {}))
    print(f"\n{cells} cells: {len(ACTS)} acts by owner, same server, other server; 2 names")
    assert wrong == []
