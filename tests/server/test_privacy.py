"""Who may see a post, on every surface that there is (SECURITY 75-78): generated, no leaks."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from federation.errors import FederationError
from federation.resolve.resolver import Budget
from server.http.app_keys import RESOLVER
from storage.people import actors
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Person, Place, serving, settle

VISIBILITIES = ("public", "unlisted", "private", "direct", "local")
MEMBERS = ("author", "follower", "pending", "mentioned", "blocked", "stranger", "suspended")
PEERS = ("of a follower", "of a stranger")

SEES = {
    "public": {"anonymous", *MEMBERS, *PEERS} - {"blocked", "suspended"},
    "unlisted": {"anonymous", *MEMBERS, *PEERS} - {"blocked", "suspended"},
    "private": {"author", "follower", "mentioned", "of a follower"},
    "direct": {"author", "mentioned"},
    "local": {"author", "follower", "pending", "mentioned", "stranger"},
}

# Where a post is shown by itself: there exactly when it may be seen.
ITSELF = (
    "/api/v1/statuses/{id}",
    "/api/v1/statuses?id[]={id}",
    "/api/v1/statuses/{root}/context",
    "/api/v1/accounts/{author}/statuses",
    "/api/v1/statuses/{id}/history",
    "/api/v1/polls/{id}",
)
# Where it may be shown among others: never when it may not be seen.
AMONG_OTHERS = (
    "/api/v1/accounts/{author}/statuses?pinned=true",
    "/api/v1/statuses/{id}/context",
    "/api/v1/timelines/public",
    "/api/v1/timelines/public?local=true",
    "/api/v1/timelines/tag/matrix",
    "/api/v1/timelines/home",
    "/api/v1/notifications",
    "/api/v1/bookmarks",
    "/api/v1/favourites",
    "/api/v2/search?q={uri}",
    "/api/v2/search?q={url}",
    "/api/v2/search?q=matrix",
    "/api/v2/search?q=matrix&type=statuses",
    "/api/v2/search?q=from:author&type=statuses",
    "/api/v1/conversations",
    "/posts/{id}",
    "/posts/{root}/replies",
    "/actors/{author}/outbox/page/0",
    "/@author",
    "/@author/{id}",
    "/@author/{root}",
    "/tags/matrix",
    "/",
)


@dataclass
class World:
    """Two other servers beside ours, everybody in place, one post of each visibility."""

    home: Place
    peers: dict[str, Place]
    people: dict[str, Person]
    root: dict[str, Any]
    posts: dict[str, dict[str, Any]]

    def fill(self, path: str, visibility: str) -> str:
        post = self.posts[visibility]
        return path.format(
            id=post["id"],
            uri=post["uri"],
            url=post["url"],
            root=self.root["id"],
            author=self.people["author"].id,
        )

    def mark(self, visibility: str) -> tuple[str, ...]:
        """What gives the post away in an answer."""
        return (marker(visibility), f'"{self.posts[visibility]["id"]}"')


def marker(visibility: str) -> str:
    return f"word-{visibility}-only"


@pytest.fixture
async def world(tmp_path: Path, watch: Watch) -> AsyncIterator[World]:
    internet = Internet()
    async with AsyncExitStack() as stack:
        home, friend, other = [
            await stack.enter_async_context(
                serving(tmp_path / name, f"{name}.example", internet, watch)
            )
            for name in ("home", "friend", "other")
        ]
        people = {name: await home.person(name) for name in MEMBERS}
        await arrange(home, people, friend)
        await settle(home, friend, other)
        root = await people["author"].say("The beginning.")
        posts = {}
        for visibility in VISIBILITIES:
            posts[visibility] = await people["author"].say(
                f"@mentioned {marker(visibility)} #matrix",
                visibility=visibility,
                in_reply_to_id=root["id"],
                poll={"options": ["One", "Two"], "expires_in": 3600},
            )
            if visibility != "direct":
                await people["author"].post(f"/api/v1/statuses/{posts[visibility]['id']}/pin")
        await home.database.write(
            actors.set_moderation_state, people["suspended"].actor.id, "suspended"
        )
        await settle(home, friend, other)
        peers = dict(zip(PEERS, (friend, other), strict=True))
        yield World(home, peers, people, root, posts)


async def arrange(home: Place, people: dict[str, Person], friend: Place) -> None:
    author = people["author"]
    for name in ("follower", "blocked", "suspended"):
        await people[name].follow(author)
    bob = await friend.person("bob")
    await bob.follow(author)
    await settle(home, friend)
    await author.post(f"/api/v1/accounts/{people['blocked'].id}/block")
    await home.database.write(actors.update, replace(author.actor, locked=True))
    await people["pending"].follow(author)


async def answer_to(world: World, viewer: str, path: str) -> tuple[int, str]:
    headers = {"Accept": "application/activity+json"} if path.startswith("/posts") else {}
    if viewer != "anonymous":
        headers["Authorization"] = f"Bearer {world.people[viewer].token}"
    async with world.home.client.get(path, headers=headers) as answer:
        return answer.status, await answer.text()


async def test_surfaces_show_nothing_that_is_not_for_the_viewer(world: World) -> None:
    cells = 0
    for visibility, viewer in product(VISIBILITIES, ("anonymous", *MEMBERS)):
        allowed = viewer in SEES[visibility]
        for path in (*ITSELF, *AMONG_OTHERS):
            status, text = await answer_to(world, viewer, world.fill(path, visibility))
            shown = status == 200 and any(mark in text for mark in world.mark(visibility))
            if path in ITSELF:
                assert shown is allowed, (visibility, viewer, path, status)
            elif shown and path.startswith("/api/"):
                assert allowed, (visibility, viewer, path)
            elif shown:  # without a cookie, the same for everybody
                assert "anonymous" in SEES[visibility], (visibility, path)
            cells += 1
    print(f"{cells} cells: visibility x viewer x surface")


async def test_servers_get_what_their_people_may_read(world: World) -> None:
    cells = 0
    for visibility, (name, place) in product(VISIBILITIES, world.peers.items()):
        for uri in (world.posts[visibility]["uri"], await create_of(world, visibility)):
            try:
                found = await place.app[RESOLVER].object(uri, Budget())
            except FederationError:
                found = {}
            shown = marker(visibility) in str(found)
            assert shown is (name in SEES[visibility]), (visibility, name, uri)
            cells += 1
    print(f"{cells} cells: visibility x server x document")


async def create_of(world: World, visibility: str) -> str:
    """The URI of the Create that said a post."""
    number = int(world.posts[visibility]["id"])
    uri: str = await world.home.database.read(
        lambda reader: reader.value(
            "SELECT uri FROM activities WHERE post = ? AND type = 'Create'", number
        )
    )
    return uri


ACTS = "favourite unfavourite reblog unreblog bookmark unbookmark pin unpin mute unmute".split()


async def test_acts_on_what_one_cannot_see_are_refused(world: World) -> None:
    """SECURITY 76: 404 without content; an answer to it is refused too."""
    cells = 0
    for visibility, viewer in product(VISIBILITIES, MEMBERS):
        if viewer in SEES[visibility] or viewer == "suspended":
            continue
        person, id_ = world.people[viewer], world.posts[visibility]["id"]
        for act in ACTS:
            status, body = await person.ask("POST", f"/api/v1/statuses/{id_}/{act}")
            assert (status, body) == (404, {"error": "Record not found"}), (visibility, viewer, act)
            cells += 1
        status, body = await person.ask(
            "POST", "/api/v1/statuses", json={"status": "Hm.", "in_reply_to_id": id_}
        )
        assert status == 404
        status, body = await person.ask("POST", f"/api/v1/polls/{id_}/votes", json={"choices": [0]})
        assert (status, body) == (404, {"error": "Record not found"}), (visibility, viewer)
        cells += 2
    print(f"{cells} cells: visibility x viewer x act")


async def test_hidden_and_missing_are_the_same(world: World) -> None:
    """SECURITY 77: the same bytes and headers, but for the request's own number and time."""

    async def bare(viewer: str, path: str) -> tuple[int, str, dict[str, str]]:
        headers = {"Accept": "application/activity+json"}
        if viewer != "anonymous":
            headers["Authorization"] = f"Bearer {world.people[viewer].token}"
        async with world.home.client.get(path, headers=headers) as answer:
            own = {"x-request-id", "date"}
            kept = {k: v for k, v in answer.headers.items() if k.lower() not in own}
            return answer.status, await answer.text(), kept

    cells = 0
    hidden = world.posts["direct"]["id"]
    missing = str(int(hidden) + 12345)
    for viewer, path in product(
        ("anonymous", "stranger", "blocked"),
        ("/api/v1/statuses/{}", "/api/v1/statuses/{}/context", "/posts/{}", "/posts/{}/replies"),
    ):
        assert await bare(viewer, path.format(hidden)) == await bare(viewer, path.format(missing))
        cells += 1
    print(f"{cells} pairs of hidden and missing")
