"""Taking back needs only one's own row (SECURITY 96): every way, after everything that may happen.

carol takes back; bob is of ours, vera of another server. Both let carol follow them first.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import pytest
from orjson import loads

from federation.moderation.domain_blocks import put
from server.actions.lifecycle import account_deletion
from server.moderation import account_decisions
from server.moderation.account_decisions import COMMAND_LINE, Verdict
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader
from storage.moderation.decisions import Action
from tests.federation.saying import follow, hear
from tests.federation.world import PUBLIC, Neighbour, Stranger
from tests.support.servers import Person, Place, settle

MARK = "a-word-nobody-else-says"
# What is done with a post, the row that comes of it, and what takes it back.
WITH_POSTS = {
    "favourite": ("favourites", "actor", "unfavourite"),
    "reblog": ("boosts", "actor", "unreblog"),
    "bookmark": ("bookmarks", "actor", "unbookmark"),
    "mute": ("thread_mutes", "account", "unmute"),
}
# The same with people.
WITH_PEOPLE = {
    "mute": ("mutes", "actor", "unmute"),
    "block": ("blocks", "actor", "unblock"),
    "endorse": ("endorsements", "actor", "unendorse"),
    "note": ("account_notes", "account", "note"),
}
SAID_TO_OTHERS = {"favourite": "Like", "reblog": "Announce"}


@dataclass
class Scene:
    ours: Place
    carol: Person
    bob: Person
    vera: Stranger
    numbers: dict[str, str]  # of bob and vera here
    posts: dict[tuple[str, str], str] = field(default_factory=dict)
    notes: dict[str, dict[str, Any]] = field(default_factory=dict)

    async def rows(self, table: str, column: str, target: str | None = None) -> int:
        """Number of carol's rows; `target`: about one person only."""
        about = "1" if target is None else f"target = {target}"

        def unit(reader: Reader) -> int:
            sql = f"SELECT count(*) FROM {table} WHERE {column} = ? AND {about}"
            return int(reader.value(sql, self.carol.actor.id))

        return await self.ours.database.read(unit)

    async def decide(self, whom: str, action: Action) -> None:
        await self.ours.database.write(
            account_decisions.decide,
            COMMAND_LINE,
            ActorId(int(self.numbers[whom])),
            Verdict(action=action),
        )
        await settle(self.ours)

    def heard(self, type_: str) -> int:
        """Number of times that vera's server heard that something of that type is taken back."""
        arrived = [loads(one.body) for one in self.vera.at.arrived]
        return sum(one["type"] == "Undo" and one["object"]["type"] == type_ for one in arrived)


@pytest.fixture
async def scene(ours: Place, victim: Neighbour) -> Scene:
    carol, bob = await ours.person("carol"), await ours.person("bob")
    vera = victim.person("vera")
    numbers = {"bob": bob.id, "vera": await follow(carol, vera)}
    await carol.follow(bob)
    await settle(ours)
    made = Scene(ours, carol, bob, vera, numbers)
    for kind, visibility in (("open", "public"), ("followers", "private")):
        said = await bob.say(f"{MARK} of bob", visibility=visibility)
        made.posts["bob", kind] = said["id"]
        to = [PUBLIC] if kind == "open" else [f"{vera.uri}/followers"]
        note = vera.note(f"<p>{MARK} of vera</p>", to=to, cc=[])
        assert (await hear(ours, vera, vera.says("Create", note)))[0] == "done"
        made.notes[kind] = note
        made.posts["vera", kind] = next(
            one["id"] for one in await carol.home() if one["uri"] == note["id"]
        )
    return made


async def done_with(scene: Scene, whom: str) -> list[tuple[str, str]]:
    """Whatever can be done with their posts: (what, kind of post)."""
    done = []
    for kind in ("open", "followers"):
        for what in WITH_POSTS:
            if (what, kind) == ("reblog", "followers"):
                continue  # not to be shared
            await scene.carol.post(f"/api/v1/statuses/{scene.posts[whom, kind]}/{what}")
            done.append((what, kind))
    await settle(scene.ours)
    return done


# ---- what may happen in between ----


async def they_block(scene: Scene, whom: str) -> None:
    if whom == "bob":
        await scene.bob.post(f"/api/v1/accounts/{scene.carol.id}/block")
    else:
        said = scene.vera.says("Block", scene.carol.actor.uri)
        assert (await hear(scene.ours, scene.vera, said))[0] == "done"


async def one_blocks_them(scene: Scene, whom: str) -> None:
    await scene.carol.post(f"/api/v1/accounts/{scene.numbers[whom]}/block")


async def one_unfollows(scene: Scene, whom: str) -> None:
    await scene.carol.post(f"/api/v1/accounts/{scene.numbers[whom]}/unfollow")


async def they_remove_their_follower(scene: Scene, whom: str) -> None:
    if whom == "bob":
        await scene.bob.post(f"/api/v1/accounts/{scene.carol.id}/remove_from_followers")
    else:
        asked = {"type": "Follow", "actor": scene.carol.actor.uri, "object": scene.vera.uri}
        inner = {"id": f"{scene.carol.actor.uri}#follow", **asked}
        said = scene.vera.says("Reject", inner)
        assert (await hear(scene.ours, scene.vera, said))[0] == "done"


async def they_are_suspended(scene: Scene, whom: str) -> None:
    await scene.decide(whom, "suspend")


async def they_are_limited(scene: Scene, whom: str) -> None:
    await scene.decide(whom, "silence")


async def they_leave(scene: Scene, whom: str) -> None:
    if whom == "bob":
        await scene.ours.database.write(account_deletion.leave, scene.bob.actor)
    else:
        said = scene.vera.says("Delete", scene.vera.uri)
        assert (await hear(scene.ours, scene.vera, said))[0] == "done"


async def their_server_is_blocked(scene: Scene, whom: str) -> None:
    assert whom == "vera"
    await put(scene.ours.database, "victim.example", "blocked")


async def their_server_is_limited(scene: Scene, whom: str) -> None:
    assert whom == "vera"
    await put(scene.ours.database, "victim.example", "limited")


async def one_blocks_their_server(scene: Scene, whom: str) -> None:
    assert whom == "vera"
    await scene.carol.post("/api/v1/domain_blocks", domain="victim.example")


async def they_narrow_it(scene: Scene, whom: str) -> None:
    assert whom == "vera"
    for note in scene.notes.values():
        narrow = {**note, "to": [f"{scene.vera.uri}/friends"], "cc": [], "updated": "2027-01-01"}
        await hear(scene.ours, scene.vera, scene.vera.says("Update", narrow))


async def they_move(scene: Scene, whom: str) -> None:
    assert whom == "vera"
    new = scene.vera.at.person("vera2", alsoKnownAs=[scene.vera.uri])
    await hear(scene.ours, scene.vera, scene.vera.says("Move", scene.vera.uri, target=new.uri))


async def nothing(scene: Scene, whom: str) -> None:
    pass


Change = Callable[[Scene, str], Awaitable[None]]
OF_ANYBODY: tuple[Change, ...] = (
    nothing,
    they_block,
    one_blocks_them,
    one_unfollows,
    they_remove_their_follower,
    they_are_suspended,
    they_are_limited,
    they_leave,
)
OF_OTHERS: tuple[Change, ...] = (
    their_server_is_blocked,
    their_server_is_limited,
    one_blocks_their_server,
    they_narrow_it,
    they_move,
)
CELLS = [
    *(("bob", change) for change in OF_ANYBODY),
    *(("vera", change) for change in (*OF_ANYBODY, *OF_OTHERS)),
]
SILENT = (their_server_is_blocked,)  # nothing is said to them
GONE = (they_narrow_it,)  # a boost ends with it, so there is none to take back


@pytest.mark.parametrize(("whom", "change"), CELLS, ids=lambda one: getattr(one, "__name__", one))
async def test_reaction_is_taken_back_whatever_happened(
    scene: Scene, whom: str, change: Change
) -> None:
    done = await done_with(scene, whom)
    await change(scene, whom)
    cells = 0
    heard = {type_: scene.heard(type_) for type_ in SAID_TO_OTHERS.values()}
    expected = dict.fromkeys(SAID_TO_OTHERS.values(), 0)
    for what, kind in done:
        number = scene.posts[whom, kind]
        table, column, back = WITH_POSTS[what]
        seen = (await scene.carol.ask("GET", f"/api/v1/statuses/{number}"))[0] == 200
        before = await scene.rows(table, column)
        if what == "reblog" and change in GONE:
            assert before == 0
            continue
        status, body = await scene.carol.ask("POST", f"/api/v1/statuses/{number}/{back}")
        assert (status, body.get("id")) == (200, number), (what, kind)
        assert await scene.rows(table, column) == before - 1, (what, kind)
        assert seen or not has_words(body), (what, kind)
        # a second time there is no row of theirs: like a number that never was
        again = await scene.carol.ask("POST", f"/api/v1/statuses/{number}/{back}")
        missing = await scene.carol.ask("POST", f"/api/v1/statuses/1/{back}")
        assert (again[0] == 200) if seen else (again == missing), (what, kind)
        if what in SAID_TO_OTHERS and whom == "vera" and change not in SILENT:
            expected[SAID_TO_OTHERS[what]] += 1
        cells += 3
    await settle(scene.ours)
    for type_, times in expected.items():
        assert scene.heard(type_) - heard[type_] == times, type_
    print(f"{cells} cells")


def has_words(status: dict[str, Any]) -> bool:
    """Whether it says anything of what the post says."""
    return MARK in str(status) or bool(status["content"])


@pytest.mark.parametrize(("whom", "change"), CELLS, ids=lambda one: getattr(one, "__name__", one))
async def test_relationship_is_taken_back_whatever_happened(
    scene: Scene, whom: str, change: Change
) -> None:
    number = scene.numbers[whom]
    # What ends with a follow, or with a block, is done one at a time.
    doing = [one for one in WITH_PEOPLE if (one, change) != ("block", one_blocks_them)]
    for what in doing:
        if what != "block":
            form = {"comment": "of mine"} if what == "note" else {}
            await scene.carol.post(f"/api/v1/accounts/{number}/{what}", **form)
    if "block" in doing and change is not they_block:
        await scene.carol.post(f"/api/v1/accounts/{number}/block")
    await change(scene, whom)
    cells = 0
    for table, column, back in WITH_PEOPLE.values():
        if not await scene.rows(table, column, number):
            continue
        status, body = await scene.carol.ask("POST", f"/api/v1/accounts/{number}/{back}")
        assert (status, body["id"]) == (200, number), back
        assert await scene.rows(table, column, number) == 0, back
        cells += 1
    status, _ = await scene.carol.ask("POST", f"/api/v1/accounts/{number}/unfollow")
    assert await scene.rows("follows", "follower", number) == 0
    site = (await scene.carol.ask("GET", f"/api/v1/accounts/{number}"))[0]
    for back in ("unmute", "unblock", "unendorse", "unfollow", "remove_from_followers"):
        status, _ = await scene.carol.ask("POST", f"/api/v1/accounts/{number}/{back}")
        assert status == site, back  # no row: as if nobody had that number
        cells += 1
    print(f"{cells} cells")


@pytest.mark.parametrize("change", [nothing, they_are_suspended, they_are_limited])
async def test_follow_and_a_follower_are_taken_back(scene: Scene, change: Change) -> None:
    await scene.bob.post(f"/api/v1/accounts/{scene.carol.id}/follow")
    await change(scene, "bob")
    for back, column in (("unfollow", "follower"), ("remove_from_followers", "target")):
        before = await scene.rows("follows", column)
        path = f"/api/v1/accounts/{scene.bob.id}/{back}"
        assert (await scene.carol.ask("POST", path))[0] == 200
        assert await scene.rows("follows", column) == before - 1


@pytest.mark.parametrize("change", [nothing, they_are_suspended, they_are_limited])
async def test_request_is_declined_and_one_of_ones_own_withdrawn(
    scene: Scene, change: Change
) -> None:
    dora = await scene.ours.person("dora")
    for who in (scene.carol, dora):
        await who.call("PATCH", "/api/v1/accounts/update_credentials", json={"locked": True})
    await scene.bob.post(f"/api/v1/accounts/{scene.carol.id}/follow")
    await change(scene, "bob")
    path = f"/api/v1/follow_requests/{scene.bob.id}"
    if change is they_are_suspended:
        assert (await scene.carol.ask("POST", f"{path}/authorize"))[0] == 404
    assert (await scene.carol.ask("POST", f"{path}/reject"))[0] == 200
    assert (await scene.carol.ask("POST", f"{path}/reject"))[0] == 404
    await dora.post(f"/api/v1/accounts/{scene.carol.id}/follow")
    assert (await dora.post(f"/api/v1/accounts/{scene.carol.id}/unfollow"))["requested"] is False


@pytest.mark.parametrize("change", [they_block, they_are_suspended, they_leave])
async def test_boost_is_deleted_by_its_own_number(scene: Scene, change: Change) -> None:
    open_ = f"/api/v1/statuses/{scene.posts['bob', 'open']}"
    boost = await scene.carol.post(f"{open_}/reblog")
    await change(scene, "bob")
    body = await scene.carol.call("DELETE", f"/api/v1/statuses/{boost['id']}")
    assert body["id"] == boost["id"]
    assert MARK not in str(body)
    assert await scene.rows("boosts", "actor") == 0


@pytest.mark.parametrize("back", ["unfavourite", "unreblog", "unbookmark"])
async def test_boost_of_ones_own_leads_to_what_it_brought(scene: Scene, back: str) -> None:
    what = back.removeprefix("un")
    path = f"/api/v1/statuses/{scene.posts['bob', 'open']}"
    boost = await scene.carol.post(f"{path}/reblog")
    await scene.carol.post(f"{path}/{what}")
    await they_block(scene, "bob")
    status, _ = await scene.carol.ask("POST", f"/api/v1/statuses/{boost['id']}/{back}")
    assert status == 200
    table, column, _ = WITH_POSTS[what]
    assert await scene.rows(table, column) == 0


async def test_row_of_somebody_else_is_not_enough(scene: Scene) -> None:
    """Carol's own favourite of what is hidden from dora tells her nothing, nor one of hers."""
    dora = await scene.ours.person("dora")
    hidden = scene.posts["bob", "followers"]
    await scene.carol.post(f"/api/v1/statuses/{hidden}/favourite")
    await scene.carol.post(f"/api/v1/statuses/{hidden}/mute")
    await scene.carol.post(f"/api/v1/statuses/{hidden}/bookmark")
    cells = 0
    for _, _, back in WITH_POSTS.values():
        found = await dora.ask("POST", f"/api/v1/statuses/{hidden}/{back}")
        assert found == await dora.ask("POST", f"/api/v1/statuses/1/{back}"), back
        assert found[0] == 404
        cells += 1
    print(f"{cells} cells")


async def test_muting_a_thread_tells_of_no_answer_in_it(scene: Scene) -> None:
    """One who muted a thread learns from no number whether it has an answer for others."""
    dora = await scene.ours.person("dora")
    root = scene.posts["bob", "open"]
    secret = await scene.bob.say("For few.", visibility="direct", in_reply_to_id=root)
    await dora.post(f"/api/v1/statuses/{root}/mute")
    path = f"/api/v1/statuses/{secret['id']}/unmute"
    assert (await dora.ask("POST", path))[0] == 404


async def test_deletion_took_everything_along(scene: Scene) -> None:
    done = await done_with(scene, "bob")
    for kind in ("open", "followers"):
        await scene.bob.call("DELETE", f"/api/v1/statuses/{scene.posts['bob', kind]}")
    for what, kind in done:
        table, column, back = WITH_POSTS[what]
        path = f"/api/v1/statuses/{scene.posts['bob', kind]}/{back}"
        assert (await scene.carol.ask("POST", path))[0] == 404
        assert what == "mute" or await scene.rows(table, column) == 0


# ---- the same, as other servers say it ----


@pytest.mark.parametrize("change", ["we block them", "they are limited", "nothing"])
@pytest.mark.parametrize("bare", [False, True])
async def test_members_of_others_take_back_what_they_did(
    scene: Scene, change: str, bare: bool
) -> None:
    uri = (await scene.bob.get(f"/api/v1/statuses/{scene.posts['bob', 'open']}"))["uri"]
    said = {
        "favourites": scene.vera.says("Like", uri),
        "boosts": scene.vera.says("Announce", uri, to=[PUBLIC]),
        "blocks": scene.vera.says("Block", scene.carol.actor.uri),
        "follows": scene.vera.says("Follow", scene.bob.actor.uri),
    }
    for document in said.values():
        assert (await hear(scene.ours, scene.vera, document))[0] == "done"
    if change == "we block them":
        await scene.bob.post(f"/api/v1/accounts/{scene.numbers['vera']}/block")
    if change == "they are limited":
        await scene.decide("vera", "silence")
    for table, document in said.items():
        undo = scene.vera.says("Undo", document["id"] if bare else document)
        state, reason = await hear(scene.ours, scene.vera, undo)
        known = table != "follows" or change != "we block them"
        assert state == "done" or (bare and not known), (table, state, reason)
        assert await scene.ours.database.read(_left, table, document["id"]) == 0, table


def _left(reader: Reader, table: str, uri: str) -> int:
    return int(reader.value(f"SELECT count(*) FROM {table} WHERE uri = ?", uri))
