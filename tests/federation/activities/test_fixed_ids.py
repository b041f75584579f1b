"""Software that gives the same ids again (SECURITY 6): Follow, Undo, Follow, Undo with two ids.

What was heard has an effect again only where what it speaks of changed since; the same request
never has.
"""

from asyncio import gather
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from storage.engine.transaction import Reader, Writer
from storage.lifecycle import retention
from tests.federation.saying import follow, hear
from tests.federation.world import PUBLIC, Document, Letter, Neighbour, Stranger, changed, contents
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Person, Place, serving, settle

SECOND = timedelta(seconds=1)
# What says that something is, with the table in which that is then.
KINDS = {
    "Follow": "follows",
    "Like": "favourites",
    "Announce": "boosts",
    "Block": "blocks",
    "Add": "pins",
}


@dataclass
class Scene:
    ours: Place
    alice: Person
    zoe: Stranger
    post: str
    note: Document

    def pair(self, kind: str, *, bare: bool = False) -> tuple[Document, Document]:
        """What says it, and what takes it back: two documents with an id each, for all time."""
        zoe = self.zoe
        if kind == "Add":
            target = {"target": f"{zoe.uri}/featured"}
            id_ = self.note["id"]
            return zoe.says("Add", id_, **target), zoe.says("Remove", id_, **target)
        said = {
            "Follow": lambda: zoe.says("Follow", self.alice.actor.uri),
            "Like": lambda: zoe.says("Like", self.post),
            "Announce": lambda: zoe.says("Announce", self.post, to=[PUBLIC]),
            "Block": lambda: zoe.says("Block", self.alice.actor.uri),
        }[kind]()
        return said, zoe.says("Undo", said["id"] if bare else said)

    async def hear(self, document: Document) -> None:
        self.zoe.at.watch.advance(SECOND)
        await self.send(self.zoe.signed_post(self.ours, document))

    async def send(self, sent: Letter) -> None:
        assert await sent.send(self.ours) == 202
        await settle(self.ours)

    async def holds(self, kind: str) -> bool:
        def unit(reader: Reader) -> int:
            by = "follower" if kind == "Follow" else "actor"
            return int(
                reader.value(
                    f"SELECT count(*) FROM {KINDS[kind]} k JOIN actors w ON w.id = k.{by}"
                    " WHERE w.uri = ?",
                    self.zoe.uri,
                )
            )

        return await self.ours.database.read(unit) == 1


@asynccontextmanager
async def prepared(ours: Place, evil: Neighbour) -> AsyncIterator[Scene]:
    alice = await ours.person("alice")
    zoe = evil.person("zoe", featured=f"{evil.origin}/users/zoe/featured")
    await follow(alice, zoe)
    note = zoe.note()
    assert (await hear(ours, zoe, zoe.says("Create", note)))[0] == "done"
    post = await alice.say("Mine.")
    await settle(ours)
    yield Scene(ours, alice, zoe, post["uri"], note)


@pytest.fixture
async def scene(ours: Place, evil: Neighbour) -> AsyncIterator[Scene]:
    async with prepared(ours, evil) as made:
        yield made


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("kind", KINDS)
async def test_ids_say_it_and_take_it_back_as_often_as_they_like(
    scene: Scene, kind: str, bare: bool
) -> None:
    said, undone = scene.pair(kind, bare=bare)
    for _ in range(3):
        await scene.hear(said)
        assert await scene.holds(kind)
        await scene.hear(undone)
        assert not await scene.holds(kind)


@pytest.mark.parametrize("kind", KINDS)
async def test_duplicate_in_between_changes_nothing(scene: Scene, kind: str) -> None:
    """Word for word, and signed anew: both are what senders do that got no answer."""
    said, undone = scene.pair(kind)
    for _ in range(2):
        for document, holds in ((said, True), (undone, False)):
            scene.zoe.at.watch.advance(SECOND)
            sent = scene.zoe.signed_post(scene.ours, document)
            await scene.send(sent)
            before = await scene.ours.database.read(contents)
            await scene.send(sent)
            assert changed(before, await scene.ours.database.read(contents)) == {}
            await scene.hear(document)
            assert await scene.holds(kind) == holds


@pytest.mark.parametrize("kind", KINDS)
async def test_late_word_undoes_no_newer_one(scene: Scene, kind: str) -> None:
    """Sent again with a signature of its own, made before what was said since."""
    said, undone = scene.pair(kind)
    await scene.hear(said)
    scene.zoe.at.watch.advance(SECOND)
    late = scene.zoe.signed_post(scene.ours, undone)
    await scene.hear(undone)
    await scene.hear(said)
    await scene.send(late)
    assert await scene.holds(kind)
    scene.zoe.at.watch.advance(SECOND)
    late = scene.zoe.signed_post(scene.ours, said)
    await scene.hear(said)
    await scene.hear(undone)
    await scene.send(late)
    assert not await scene.holds(kind)


@pytest.mark.parametrize("kind", KINDS)
async def test_said_many_times_at_once_it_counts_once(scene: Scene, kind: str) -> None:
    said, undone = scene.pair(kind)
    for document, holds in ((said, True), (undone, False)) * 2:
        arrived = []
        for _ in range(5):
            scene.zoe.at.watch.advance(SECOND)
            arrived.append(scene.zoe.signed_post(scene.ours, document))
        assert set(await gather(*(sent.send(scene.ours) for sent in arrived))) == {202}
        await settle(scene.ours)
        assert await scene.holds(kind) == holds


@pytest.mark.parametrize("kind", KINDS)
async def test_last_word_holds_when_all_come_at_once(scene: Scene, kind: str) -> None:
    """Taken in before any of it is carried out, also where an id is there already."""
    said, undone = scene.pair(kind)
    await scene.hear(said)
    await scene.hear(undone)
    for document in (said, undone, said):
        scene.zoe.at.watch.advance(SECOND)
        assert await scene.zoe.signed_post(scene.ours, document).send(scene.ours) == 202
    await settle(scene.ours)
    assert await scene.holds(kind)


@pytest.mark.parametrize("kind", KINDS)
async def test_repetition_by_somebody_else_counts_nothing(
    scene: Scene, kind: str, victim: Neighbour
) -> None:
    """What vera forwards of zoe's is a hint, also where zoe's server shows it still."""
    said, undone = scene.pair(kind)
    await scene.hear(said)
    await scene.hear(undone)
    vera = victim.person("vera")
    for document in (said, undone):
        scene.zoe.at.serves(document)
    scene.zoe.at.watch.advance(SECOND)
    assert await vera.tell(scene.ours, said) == 202
    await settle(scene.ours)
    assert not await scene.holds(kind)


@pytest.mark.parametrize("kind", KINDS)
async def test_fixed_id_is_remembered_over_a_restart(
    tmp_path: Path, internet: Internet, watch: Watch, evil: Neighbour, kind: str
) -> None:
    folder, arrived = tmp_path / "restarted", []
    async with (
        serving(folder, "again.example", internet, watch) as ours,
        prepared(ours, evil) as scene,
    ):
        said, undone = scene.pair(kind)
        for document in (said, undone, said):
            watch.advance(SECOND)
            arrived.append(scene.zoe.signed_post(ours, document))
            await scene.send(arrived[-1])
    async with serving(folder, "again.example", internet, watch) as ours:
        scene.ours = ours
        for sent in arrived:
            await scene.send(sent)  # the same bytes: nothing
        assert await scene.holds(kind)
        for document, holds in ((undone, False), (said, True)):
            await scene.hear(document)
            assert await scene.holds(kind) == holds


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("days", [29, 31])
async def test_month_old_ids_do_the_same(scene: Scene, kind: str, days: int) -> None:
    said, undone = scene.pair(kind)
    await scene.hear(said)
    await scene.hear(undone)
    for document, holds in ((said, True), (undone, False), (said, True)):
        scene.zoe.at.watch.advance(timedelta(days=days))
        await scene.ours.database.write(_prune)
        await scene.hear(document)
        assert await scene.holds(kind) == holds


def _prune(writer: Writer) -> None:
    for sql, after in retention.RULES[:2]:
        before = int((writer.now - after).timestamp() * 1000)
        writer.execute(sql, before, 500)


async def test_follow_that_we_ended_is_asked_for_again_under_its_id(scene: Scene) -> None:
    said, _ = scene.pair("Follow")
    await scene.hear(said)
    number = await scene.alice.find("@zoe@evil.example")
    await scene.alice.post(f"/api/v1/accounts/{number}/remove_from_followers")
    await settle(scene.ours)
    assert not await scene.holds("Follow")
    await scene.hear(said)
    assert await scene.holds("Follow")


async def test_fixed_id_agrees_to_each_question(scene: Scene) -> None:
    """An Accept with a fixed id, to follows that we ask anew, each with an id of its own."""
    number = await scene.alice.find("@zoe@evil.example")
    answer: Document = scene.zoe.says("Accept", "")
    for _ in range(3):
        await scene.alice.post(f"/api/v1/accounts/{number}/unfollow")
        await scene.alice.post(f"/api/v1/accounts/{number}/follow")
        await settle(scene.ours)
        asked = await scene.ours.database.read(_asked, scene.zoe.uri)
        await scene.hear({**answer, "object": asked})
        (standing,) = await scene.alice.get(f"/api/v1/accounts/relationships?id[]={number}")
        assert standing["following"] is True


def _asked(reader: Reader, target: str) -> Any:
    return reader.value(
        "SELECT f.uri FROM follows f JOIN actors w ON w.id = f.target WHERE w.uri = ?", target
    )


async def test_activity_about_something_else_makes_nothing_late(scene: Scene) -> None:
    """We ended a follow; it is asked for anew, and comes after a Like that was signed later."""
    said, _ = scene.pair("Follow")
    await scene.hear(said)
    number = await scene.alice.find("@zoe@evil.example")
    await scene.alice.post(f"/api/v1/accounts/{number}/remove_from_followers")
    await settle(scene.ours)
    scene.zoe.at.watch.advance(SECOND)
    sent = scene.zoe.signed_post(scene.ours, said)
    await scene.hear(scene.pair("Like")[0])
    await scene.send(sent)
    assert await scene.holds("Follow")


@pytest.mark.parametrize("kind", KINDS)
async def test_activities_of_others_make_nothing_late(
    scene: Scene, kind: str, victim: Neighbour
) -> None:
    """Vera claims to forward that zoe takes it back, under an id that zoe's server never had."""
    said, undone = scene.pair(kind)
    for document in (said, undone, said):
        await scene.hear(document)
    scene.zoe.at.watch.advance(SECOND)
    sent = scene.zoe.signed_post(scene.ours, undone)
    scene.zoe.at.watch.advance(SECOND)
    claimed = {**undone, "id": f"{scene.zoe.at.origin}/activities/never"}
    assert await victim.person("vera").tell(scene.ours, claimed) == 202
    await settle(scene.ours)
    assert await scene.holds(kind)
    await scene.send(sent)
    assert not await scene.holds(kind)


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("kind", KINDS)
async def test_undo_before_its_activity_keeps_it_from_being(
    scene: Scene, kind: str, bare: bool
) -> None:
    """Who delivers in parallel lets an Undo overtake what it undoes."""
    said, undone = scene.pair(kind, bare=bare)
    first = scene.zoe.signed_post(scene.ours, said)
    await scene.hear(undone)
    await scene.send(first)
    assert not await scene.holds(kind)
    await scene.hear(said)  # signed anew, later
    assert await scene.holds(kind)


async def test_undo_that_was_refused_counts_when_there_is_something_to_undo(
    scene: Scene,
) -> None:
    said, undone = scene.pair("Follow", bare=True)
    await scene.hear(said)
    number = await scene.alice.find(f"@zoe@{scene.zoe.at.host}")
    await scene.alice.post(f"/api/v1/accounts/{number}/remove_from_followers")
    await scene.hear(undone)
    await scene.hear(said)
    assert await scene.holds("Follow")
    await scene.hear(undone)
    assert not await scene.holds("Follow")
