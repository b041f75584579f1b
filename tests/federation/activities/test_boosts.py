"""Audience of a boost: whoever asks for less never gets more (SECURITY 95)."""

from dataclasses import dataclass, field
from typing import Any

import pytest
from orjson import loads
from yarl import URL

from storage.engine.transaction import Reader
from tests.federation.saying import follow, hear, homes
from tests.federation.world import AS, PUBLIC, Neighbour, Stranger
from tests.support.servers import Person, Place, settle

SEES = {
    "public": {"sharer", "author", "follower", "stranger", "anonymous", "peer", "other peer"},
    "unlisted": {"sharer", "author", "follower", "stranger", "anonymous", "peer", "other peer"},
    "private": {"sharer", "author", "follower", "peer"},
}


@dataclass
class Scene:
    """alice shares what bob said; carol and vera follow alice, dora and mallory do not."""

    ours: Place
    people: dict[str, Person]
    peers: dict[str, Stranger]
    post: dict[str, Any]
    boost: dict[str, Any] = field(default_factory=dict)

    async def ask(self, viewer: str, path: str) -> tuple[int, Any]:
        if viewer == "anonymous":
            async with self.ours.client.get(path) as answer:
                return answer.status, await answer.json()
        return await self.people[viewer].ask("GET", path)

    async def document(self, viewer: str) -> int:
        """The status with which the Announce itself is answered."""
        path = URL(self.boost["uri"]).path
        if viewer == "anonymous":
            headers = {"Accept": "application/activity+json"}
            async with self.ours.client.get(path, headers=headers) as answer:
                return answer.status
        return (await self.peers[viewer].get(self.ours, path))[0]


@pytest.fixture
async def scene(
    ours: Place, alice: Person, vera: Stranger, victim: Neighbour, evil: Neighbour
) -> Scene:
    people = {"sharer": alice}
    people |= {
        role: await ours.person(name)
        for role, name in (("author", "bob"), ("follower", "carol"), ("stranger", "dora"))
    }
    await people["follower"].follow(alice)
    mallory = evil.person("mallory")
    await people["author"].find(f"@mallory@{evil.host}")
    await settle(ours)
    evil.asked.clear()
    post = await people["author"].say("Something worth hearing.")
    return Scene(ours, people, {"peer": vera, "other peer": mallory}, post)


async def surfaces(scene: Scene, viewer: str) -> dict[str, bool]:
    """Surfaces on which a viewer learns that alice shared it."""
    booster, boost, post = scene.people["sharer"], scene.boost["id"], scene.post["id"]
    status, _ = await scene.ask(viewer, f"/api/v1/statuses/{boost}")
    _, said = await scene.ask(viewer, f"/api/v1/accounts/{booster.id}/statuses")
    _, people = await scene.ask(viewer, f"/api/v1/statuses/{post}/reblogged_by")
    _, counted = await scene.ask(viewer, f"/api/v1/statuses/{post}")
    found = {
        "by itself": status == 200,
        "the thread by its number": (await scene.ask(viewer, f"/api/v1/statuses/{boost}/context"))[
            0
        ]
        == 200,
        "account": boost in [one["id"] for one in said],
        "list of people": booster.id in [one["id"] for one in people],
        "count": counted["reblogs_count"] == 1,
    }
    if viewer in ("follower", "sharer"):
        home = await scene.people[viewer].home()
        found["home"] = boost in [one["id"] for one in home]
    return found


@pytest.mark.parametrize("visibility", SEES)
async def test_boost_reaches_those_for_whom_it_is(scene: Scene, visibility: str) -> None:
    path = f"/api/v1/statuses/{scene.post['id']}/reblog"
    scene.boost = await scene.people["sharer"].post(path, visibility=visibility)
    await settle(scene.ours)
    assert scene.boost["visibility"] == visibility
    cells = 0
    for viewer in ("anonymous", *scene.people):
        for surface, shown in (await surfaces(scene, viewer)).items():
            assert shown == (viewer in SEES[visibility]), (visibility, viewer, surface)
            cells += 1
    for viewer in ("anonymous", *scene.peers):
        status = await scene.document(viewer)
        assert status == (200 if viewer in SEES[visibility] else 404), (visibility, viewer)
        cells += 1
    print(f"{cells} cells")


@pytest.mark.parametrize("visibility", SEES)
async def test_boost_and_its_undoing_say_on_the_wire_for_whom_they_are(
    scene: Scene, visibility: str
) -> None:
    alice, bob = scene.people["sharer"], scene.people["author"]
    path = f"/api/v1/statuses/{scene.post['id']}"
    await alice.post(f"{path}/reblog", visibility=visibility)
    await settle(scene.ours)
    await alice.post(f"{path}/unreblog")
    await settle(scene.ours)
    followers, author = f"{alice.actor.uri}/followers", bob.actor.uri
    to, cc = {
        "public": ([PUBLIC], [followers, author]),
        "unlisted": ([followers], [PUBLIC, author]),
        "private": ([followers], [author]),
    }[visibility]
    arrived = [loads(one.body) for one in scene.peers["peer"].at.arrived]
    assert [one["type"] for one in arrived] == ["Announce", "Undo"]
    for said in (arrived[0], arrived[1]["object"]):
        assert (said["to"], said["cc"]) == (to, cc)
    assert scene.peers["other peer"].at.arrived == []


async def test_boost_says_what_it_is_where_it_is_listed(scene: Scene) -> None:
    """Kinds stay apart, also after one of another kind, whose words were kept, was taken back."""
    alice, carol = scene.people["sharer"], scene.people["follower"]
    path = f"/api/v1/statuses/{scene.post['id']}"
    for visibility in (*SEES, "public"):
        boost = await alice.post(f"{path}/reblog", visibility=visibility)
        listed = await carol.get(f"/api/v1/accounts/{alice.id}/statuses")
        assert [(one["id"], one["visibility"]) for one in listed] == [(boost["id"], visibility)]
        await alice.post(f"{path}/unreblog")


@pytest.mark.parametrize(
    "params", ["direct", "limited", "local", "followers", "PUBLIC", "1", ["a"]]
)
async def test_boost_for_nobody_or_for_whom_we_do_not_know_is_refused(
    scene: Scene, params: object
) -> None:
    alice, path = scene.people["sharer"], f"/api/v1/statuses/{scene.post['id']}"
    status, body = await alice.ask("POST", f"{path}/reblog", json={"visibility": params})
    assert (status, bool(body["error"])) == (422, True)
    assert (await alice.get(path))["reblogged"] is False
    await settle(scene.ours)
    assert scene.peers["peer"].at.arrived == []


@pytest.mark.parametrize("default", SEES)
async def test_boost_without_a_visibility_is_for_whom_its_member_speaks_to(
    scene: Scene, default: str
) -> None:
    alice = scene.people["sharer"]
    await alice.call(
        "PATCH", "/api/v1/accounts/update_credentials", json={"source": {"privacy": default}}
    )
    for form in ({}, {"visibility": ""}, {"visibility": None}):
        boost = await alice.post(f"/api/v1/statuses/{scene.post['id']}/reblog", **form)
        assert boost["visibility"] == default
        await alice.post(f"/api/v1/statuses/{scene.post['id']}/unreblog")


async def test_boost_for_fewer_than_before_is_not_answered_with_the_wider_one(
    scene: Scene,
) -> None:
    alice, path = scene.people["sharer"], f"/api/v1/statuses/{scene.post['id']}/reblog"
    wide = await alice.post(path, visibility="public")
    for narrower in ("unlisted", "private"):
        status, body = await alice.ask("POST", path, json={"visibility": narrower})
        assert (status, "Take that back first" in body["error"]) == (422, True)
    assert (await alice.post(path, visibility="public"))["id"] == wide["id"]
    assert (await alice.post(path))["id"] == wide["id"]


@pytest.mark.parametrize("params", SEES)
async def test_boost_of_ones_own_private_post_is_for_followers(scene: Scene, params: str) -> None:
    alice = scene.people["sharer"]
    said = await alice.say("Among us.", visibility="private")
    boost = await alice.post(f"/api/v1/statuses/{said['id']}/reblog", visibility=params)
    assert boost["visibility"] == "private"
    assert (await scene.ask("anonymous", f"/api/v1/statuses/{boost['id']}"))[0] == 404
    assert (await scene.ask("stranger", f"/api/v1/statuses/{boost['id']}"))[0] == 404
    assert (await scene.ask("follower", f"/api/v1/statuses/{boost['id']}"))[0] == 200


async def test_former_follower_sees_no_private_boost(scene: Scene) -> None:
    alice, carol = scene.people["sharer"], scene.people["follower"]
    scene.boost = await alice.post(
        f"/api/v1/statuses/{scene.post['id']}/reblog", visibility="private"
    )
    assert all((await surfaces(scene, "follower")).values())
    await alice.post(f"/api/v1/accounts/{carol.id}/remove_from_followers")
    assert not any((await surfaces(scene, "follower")).values())


# ---- boosts of others ----


FOLLOWERS = "http://evil.example/users/mallory/followers"
# to, cc -> how it is kept; None: refused
ADDRESSES: dict[str, tuple[Any, Any, str | None]] = {
    "to everybody": ([PUBLIC], [FOLLOWERS], "public"),
    "to everybody, short": (["as:Public"], [FOLLOWERS], "public"),
    "to everybody, one word": ("Public", None, "public"),
    "quietly": ([FOLLOWERS], [PUBLIC], "unlisted"),
    "to followers": ([FOLLOWERS], [], "private"),
    "to followers, the author told": (FOLLOWERS, ["OURS"], "private"),
    "followers in cc": (["OURS"], [FOLLOWERS], "private"),
    "without a word": (None, None, "private"),
    "to one person": (["OURS"], [], None),
    "to somebody else's followers": (["http://evil.example/users/x/followers"], [], None),
    "to a name that is nearly everybody": ([f"{AS}#public"], [], None),
    "to another nearly everybody": (["https://www.w3.org/ns/activitystreams#PublicX"], [], None),
}


@pytest.mark.parametrize("name", ADDRESSES)
async def test_boost_of_others_is_kept_for_whom_it_is(
    scene: Scene, evil: Neighbour, name: str
) -> None:
    to, cc, expected = ADDRESSES[name]
    mallory, dora = scene.peers["other peer"], scene.people["stranger"]
    carol = scene.people["follower"]
    await follow(carol, mallory)
    uri = scene.post["uri"]
    own = {
        key: [uri if one == "OURS" else one for one in value] if isinstance(value, list) else value
        for key, value in (("to", to), ("cc", cc))
        if value is not None
    }
    said = mallory.says("Announce", uri, **own)
    state, _ = await hear(scene.ours, mallory, said)
    assert (state == "done") == (expected is not None)
    number = await dora.find(f"@mallory@{evil.host}")
    path = f"/api/v1/accounts/{number}/statuses"
    of_follower = await carol.get(path)
    of_stranger = await dora.get(path)
    assert [one["visibility"] for one in of_follower] == ([expected] if expected else [])
    open_ = expected in ("public", "unlisted")
    assert [one["visibility"] for one in of_stranger] == ([expected] if open_ else [])
    assert len(await homes(carol)) == (expected is not None)
    told = ("reblog", "mallory@evil.example") in await scene.people["author"].notified()
    assert told == (expected is not None)


async def test_boost_of_others_that_is_said_again_for_fewer_is_for_fewer(
    scene: Scene, evil: Neighbour
) -> None:
    mallory, dora = scene.peers["other peer"], scene.people["stranger"]
    await follow(scene.people["follower"], mallory)
    uri = scene.post["uri"]
    for more, expected in (
        ({"to": [PUBLIC]}, ["public"]),
        ({"to": [FOLLOWERS]}, []),
        ({"to": [PUBLIC]}, []),
    ):
        assert (await hear(scene.ours, mallory, mallory.says("Announce", uri, **more)))[0] == "done"
        number = await dora.find(f"@mallory@{evil.host}")
        found = await dora.get(f"/api/v1/accounts/{number}/statuses")
        assert [one["visibility"] for one in found] == expected
    assert await scene.ours.database.read(_shares) == 1


def _shares(reader: Reader) -> int:
    return int(reader.value("SELECT count(*) FROM boosts"))


@pytest.mark.parametrize("way", ["removed", "blocked"])
async def test_private_boost_that_waits_is_not_delivered_to_who_follows_no_more(
    scene: Scene, victim: Neighbour, way: str
) -> None:
    """SECURITY 81: its audience is its own, not that of the post."""
    alice = scene.people["sharer"]
    vera = await alice.find(f"@vera@{victim.host}")
    await settle(scene.ours)
    victim.asked.clear()
    await alice.post(f"/api/v1/statuses/{scene.post['id']}/reblog", visibility="private")
    act = "remove_from_followers" if way == "removed" else "block"
    await alice.post(f"/api/v1/accounts/{vera}/{act}")
    await settle(scene.ours)
    assert not any(b'"Announce"' in one.body for one in victim.arrived)


async def test_boost_is_not_read_by_whom_the_booster_blocks(
    scene: Scene, victim: Neighbour
) -> None:
    alice = scene.people["sharer"]
    vera = await alice.find(f"@vera@{victim.host}")
    shared = await alice.post(f"/api/v1/statuses/{scene.post['id']}/reblog")
    scene.boost = shared
    assert await scene.document("peer") == 200
    await alice.post(f"/api/v1/accounts/{vera}/block")
    assert await scene.document("peer") == 404


@pytest.mark.parametrize("name", ["to", "cc", "bto", "bcc", "audience"])
@pytest.mark.parametrize("value", [[123], [None], [[]], {"type": "Collection"}])
async def test_unreadable_addressing_of_a_boost_is_not_for_all_followers(
    scene: Scene, name: str, value: Any
) -> None:
    mallory = scene.peers["other peer"]
    await follow(scene.people["follower"], mallory)
    said = mallory.says("Announce", scene.post["uri"], **{name: value})
    assert (await hear(scene.ours, mallory, said))[0] == "refused"
