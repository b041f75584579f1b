"""An id belongs to its actor (SECURITY 18): no neighbour occupies it, or what is said by it.

Nobody on the same server takes back, shadows, or keeps out anything of another. wendy and victor
are both of shared.example.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from itertools import product

import pytest

from federation.resolve.background import Background
from federation.resolve.quote_stamps import check_next
from server.http.app_keys import RESOLVER
from storage.engine.transaction import Reader
from tests.federation.saying import follow, hear
from tests.federation.world import PUBLIC, Document, Neighbour, Stranger, neighbour
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Person, Place, settle

ID = "http://shared.example/activities/one"


@dataclass
class Scene:
    ours: Place
    alice: Person
    victor: Stranger
    wendy: Stranger
    post: str
    poll: str

    def said(self, who: Stranger, type_: str, id_: str = ID) -> Document:
        """An activity of a type, by one of the two, under an id."""
        alice = self.alice.actor.uri
        mention = [{"type": "Mention", "href": alice, "name": "@alice"}]
        note = who.note(tag=mention, to=[PUBLIC, alice])
        made = {
            "Follow": lambda: who.says("Follow", alice),
            "Like": lambda: who.says("Like", self.post),
            "Announce": lambda: who.says("Announce", self.post, to=[PUBLIC]),
            "Block": lambda: who.says("Block", alice),
            "Create": lambda: who.says("Create", note),
            "Flag": lambda: who.says("Flag", [alice], content="Look."),
            "Delete": lambda: who.says("Delete", f"{who.uri}/nothing"),
            "Update": lambda: who.says("Update", who.document(name="Anew")),
            "QuoteRequest": lambda: who.says(
                "QuoteRequest", self.post, instrument=who.note(quote=self.post)
            ),
        }[type_]()
        return {**made, "id": id_}

    async def rows(self, table: str, column: str, who: Stranger) -> int:
        def unit(reader: Reader) -> int:
            return int(
                reader.value(
                    f"SELECT count(*) FROM {table} t JOIN actors w ON w.id = t.{column}"
                    " WHERE w.uri = ?",
                    who.uri,
                )
            )

        return await self.ours.database.read(unit)


@pytest.fixture
async def shared(internet: Internet, watch: Watch) -> AsyncIterator[Neighbour]:
    made, server = await neighbour(internet, watch, "shared.example")
    yield made
    await server.close()


@pytest.fixture
async def scene(ours: Place, alice: Person, shared: Neighbour) -> Scene:
    victor, wendy = shared.person("victor"), shared.person("wendy")
    for who in (victor, wendy):
        await follow(alice, who)
    params = {"options": ["One", "Two"], "expires_in": 3600}
    asked = await alice.say("Which?", poll=params)
    said = await alice.say("Mine.")
    await settle(ours)
    return Scene(ours, alice, victor, wendy, said["uri"], asked["uri"])


TABLES = {
    "Follow": ("follows", "follower"),
    "Like": ("favourites", "actor"),
    "Announce": ("boosts", "actor"),
    "Block": ("blocks", "actor"),
    "Create": ("posts", "author"),
    "Flag": ("reports", "reporter"),
    "QuoteRequest": ("approvals", "actor"),
}
OCCUPYING = (*TABLES, "Delete", "Update")


@pytest.mark.parametrize("type_", TABLES)
async def test_id_that_a_neighbour_uses_later_is_not_occupied(scene: Scene, type_: str) -> None:
    """Every type beside every other: wendy first, then victor by the same id."""
    table, column = TABLES[type_]
    cells = 0
    for number, occupying in enumerate(OCCUPYING):
        id_ = f"{ID}/{number}"
        await scene.wendy.tell(scene.ours, scene.said(scene.wendy, occupying, id_))
        await settle(scene.ours)
        before = await scene.rows(table, column, scene.victor)
        said = scene.said(scene.victor, type_, id_)
        assert await scene.victor.tell(scene.ours, said) == 202
        await settle(scene.ours)
        assert await scene.rows(table, column, scene.victor) == before + 1, occupying
        undo = scene.victor.says("Undo", said)
        if type_ in ("Follow", "Like", "Announce", "Block"):
            await hear(scene.ours, scene.victor, undo)
            assert await scene.rows(table, column, scene.victor) == before, occupying
        cells += 1
    print(f"{cells} cells")


@pytest.mark.parametrize("type_", ["Follow", "Like", "Announce", "Block"])
@pytest.mark.parametrize("first", ["victor", "wendy"])
@pytest.mark.parametrize("bare", [False, True])
async def test_neighbours_take_back_their_own(
    scene: Scene, type_: str, first: str, bare: bool
) -> None:
    order = (scene.victor, scene.wendy) if first == "victor" else (scene.wendy, scene.victor)
    table, column = TABLES[type_]
    for who in order:
        assert await who.tell(scene.ours, scene.said(who, type_)) == 202
        await settle(scene.ours)
    for who in order:
        assert await scene.rows(table, column, who) == 1
    undo = scene.wendy.says("Undo", ID if bare else scene.said(scene.wendy, type_))
    assert (await hear(scene.ours, scene.wendy, undo))[0] == "done"
    assert await scene.rows(table, column, scene.wendy) == 0
    assert await scene.rows(table, column, scene.victor) == 1
    again = scene.wendy.says("Undo", ID if bare else scene.said(scene.victor, type_))
    assert (await hear(scene.ours, scene.wendy, again))[0] == "refused"
    assert await scene.rows(table, column, scene.victor) == 1


async def test_requests_with_one_id_are_decided_one_by_one(scene: Scene) -> None:
    alice = scene.alice
    await alice.call("PATCH", "/api/v1/accounts/update_credentials", json={"locked": True})
    for who in (scene.wendy, scene.victor):
        assert await who.tell(scene.ours, scene.said(who, "Follow")) == 202
        await settle(scene.ours)
    number = await alice.find("@victor@shared.example")
    await alice.post(f"/api/v1/follow_requests/{number}/authorize")
    followers = await alice.get(f"/api/v1/accounts/{alice.id}/followers")
    assert [one["acct"] for one in followers] == ["victor@shared.example"]
    waiting = await alice.get("/api/v1/follow_requests")
    assert [one["acct"] for one in waiting] == ["wendy@shared.example"]


async def test_vote_counts_whoever_used_its_id(scene: Scene) -> None:
    for who, choice in ((scene.wendy, "One"), (scene.victor, "Two")):
        vote = {
            "id": "http://shared.example/votes/one",
            "type": "Note",
            "name": choice,
            "attributedTo": who.uri,
            "inReplyTo": scene.poll,
            "to": [scene.alice.actor.uri],
        }
        assert (await hear(scene.ours, who, who.says("Create", vote)))[0] == "done"
    for who in (scene.wendy, scene.victor):
        assert await scene.rows("poll_votes", "actor", who) == 1


async def test_reports_with_one_id_are_one_each(scene: Scene) -> None:
    """Repetition of a report is none."""
    for who, times in product((scene.wendy, scene.victor), range(2)):
        said = scene.said(who, "Flag")
        assert await who.tell(scene.ours, {**said, "content": f"{who.name} {times}"}) == 202
        await settle(scene.ours)
    for who in (scene.wendy, scene.victor):
        assert await scene.rows("reports", "reporter", who) == 1


@pytest.mark.parametrize("first", ["the quoter", "the neighbour"])
async def test_stamp_is_kept_from_nobody_whose_it_is(
    scene: Scene, victim: Neighbour, first: str
) -> None:
    """Wendy says that her post has the consent that vera gave to victor's."""
    vera = victim.person("vera")
    await follow(scene.alice, vera)
    quoted = vera.note("<p>Quote me</p>")
    stamp = f"{vera.at.origin}/stamps/1"
    assert (await hear(scene.ours, vera, vera.says("Create", quoted)))[0] == "done"
    notes = {
        who.name: who.note(quote=quoted["id"], quoteAuthorization=stamp)
        for who in (scene.victor, scene.wendy)
    }
    vera.at.serves(
        {
            "@context": quoted["@context"],
            "id": stamp,
            "type": "QuoteAuthorization",
            "attributedTo": vera.uri,
            "interactingObject": notes["victor"]["id"],
            "interactionTarget": quoted["id"],
        }
    )
    order = (scene.victor, scene.wendy) if first == "the quoter" else (scene.wendy, scene.victor)
    for who in order:
        assert (await hear(scene.ours, who, who.says("Create", notes[who.name])))[0] == "done"
    while await check_next(scene.ours.database, scene.ours.app[RESOLVER], Background("test")):
        pass

    assert await scene.ours.database.read(_states, stamp) == {
        "victor": "approved",
        "wendy": "rejected",
    }
    assert (await hear(scene.ours, vera, vera.says("Delete", stamp)))[0] == "done"
    assert (await scene.ours.database.read(_states, stamp))["victor"] == "revoked"


def _states(reader: Reader, stamp: str) -> dict[str, str]:
    """Who says of a post of theirs that it has the stamp, and what came of it."""
    return dict(
        reader.rows(
            "SELECT w.name, q.state FROM approvals q JOIN actors w ON w.id = q.actor"
            " WHERE q.uri = ?",
            stamp,
        )
    )


async def test_hint_in_a_neighbours_name_keeps_nothing_out(scene: Scene, evil: Neighbour) -> None:
    """Mallory forwards a true Delete of victor's under the id that victor's next post will have."""
    mallory = evil.person("mallory")
    gone = scene.victor.note()
    assert (await hear(scene.ours, scene.victor, scene.victor.says("Create", gone)))[0] == "done"
    forwarded = {**scene.victor.says("Delete", gone["id"]), "id": ID}
    assert await mallory.tell(scene.ours, forwarded) == 202
    await settle(scene.ours)
    before = await scene.rows("posts", "author", scene.victor)
    assert await scene.victor.tell(scene.ours, scene.said(scene.victor, "Create")) == 202
    await settle(scene.ours)
    assert await scene.rows("posts", "author", scene.victor) == before + 1


@pytest.mark.parametrize("deleted", [False, True])
async def test_post_belongs_to_whom_its_origin_names(
    scene: Scene, shared: Neighbour, deleted: bool
) -> None:
    """Wendy says first that she wrote what victor will write; she may even delete it again."""
    for who in (scene.victor, scene.wendy):
        await follow(scene.alice, who)
    true = scene.victor.note("<p>By victor</p>")
    false = scene.wendy.note("<p>By wendy</p>", id=true["id"])
    assert await hear(scene.ours, scene.wendy, scene.wendy.says("Create", false)) == ("done", "")
    if deleted:
        gone = scene.wendy.says("Delete", true["id"])
        assert await hear(scene.ours, scene.wendy, gone) == ("done", "")
    shared.serves(true)
    assert await hear(scene.ours, scene.victor, scene.victor.says("Create", true)) == ("done", "")
    assert await theirs(scene) == [("victor@shared.example", "<p>By victor</p>")]
    again = scene.wendy.says("Create", false)
    assert (await hear(scene.ours, scene.wendy, again))[0] == "refused"
    assert len(await theirs(scene)) == 1


async def theirs(scene: Scene) -> list[tuple[str, str]]:
    """What the two said, as it is at home."""
    home = await scene.alice.home()
    return [
        (one["account"]["acct"], one["content"])
        for one in home
        if one["account"]["acct"].endswith("@shared.example")
    ]


async def test_unconfirmed_activity_takes_no_place(scene: Scene, shared: Neighbour) -> None:
    for who in (scene.victor, scene.wendy):
        await follow(scene.alice, who)
    true = scene.victor.note("<p>By victor</p>")
    assert await hear(scene.ours, scene.victor, scene.victor.says("Create", true)) == ("done", "")
    false = scene.wendy.says("Create", scene.wendy.note("<p>By wendy</p>", id=true["id"]))
    assert (await hear(scene.ours, scene.wendy, false))[0] == "refused"
    shared.serves(true)
    false = scene.wendy.says("Create", scene.wendy.note("<p>By wendy</p>", id=true["id"]))
    assert (await hear(scene.ours, scene.wendy, false))[0] == "refused"
    assert await theirs(scene) == [("victor@shared.example", "<p>By victor</p>")]
