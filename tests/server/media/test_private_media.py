"""Who may open a picture: SECURITY 79, generated over audiences and viewers, and in time."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from yarl import URL

from server.http.peer_access import TYPE
from storage.access import accounts
from storage.access.accounts import AccountState
from storage.people import actors
from tests.federation.world import Neighbour, neighbour
from tests.server.api.test_media_attachments import opened, sent
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Person, Place, serving, settle

SEES = {
    "public": {"anonymous", "author", "follower", "mentioned", "stranger"},
    "unlisted": {"anonymous", "author", "follower", "mentioned", "stranger"},
    "private": {"author", "follower", "mentioned"},
    "direct": {"author", "mentioned"},
    "local": {"author", "follower", "mentioned", "stranger"},
}
MEMBERS = ("author", "follower", "mentioned", "stranger", "blocked")


@dataclass
class World:
    """Our server, everybody in place, and another one that hears what its people may hear."""

    place: Place
    people: dict[str, Person]
    other: Neighbour
    posts: dict[str, Any]

    def file(self, visibility: str) -> str:
        """The bare name of the picture, as somebody might have learned it."""
        url = self.posts[visibility]["media_attachments"][0]["url"]
        return URL(url).path.rpartition("/")[2]


@pytest.fixture
async def world(tmp_path: Path, watch: Watch) -> AsyncIterator[World]:
    internet = Internet()
    async with AsyncExitStack() as stack:
        place = await stack.enter_async_context(
            serving(tmp_path / "home", "home.example", internet, watch)
        )
        other, server = await neighbour(internet, watch, "other.example")
        stack.push_async_callback(server.close)
        people = {name: await place.person(name) for name in MEMBERS}
        for name in ("follower", "blocked"):
            await people[name].follow(people["author"])
        await people["author"].post(f"/api/v1/accounts/{people['blocked'].id}/block")
        posts = {}
        for visibility in SEES:
            made = await sent(people["author"])
            posts[visibility] = await people["author"].say(
                "@mentioned look", visibility=visibility, media_ids=[made["id"]]
            )
        yield World(place, people, other, posts)


async def test_picture_opens_for_those_who_may_see_its_post(world: World) -> None:
    cells = 0
    for visibility, seeing in SEES.items():
        name = world.file(visibility)
        bare = await opened(world.place, f"http://home.example/media/{name}")
        assert (bare[0] == 200) is ("anonymous" in seeing), visibility
        closed = await opened(world.place, f"http://home.example/media/private/{name}")
        assert closed[0] == 404
        for viewer in MEMBERS:
            path = f"/api/v1/statuses/{world.posts[visibility]['id']}"
            status, body = await world.people[viewer].ask("GET", path)
            assert (status == 200) is (viewer in seeing), (visibility, viewer)
            if status == 200:
                (shown,) = body["media_attachments"]
                for url in (shown["url"], shown["preview_url"]):
                    assert (await opened(world.place, url))[0] == 200, (visibility, viewer)
                    cells += 1
            cells += 1
    print(f"{cells} cells: audience x viewer x address")


async def test_hidden_and_missing_pictures_are_the_same(world: World) -> None:
    missing = "0" * 32 + ".png"
    for visibility in ("private", "direct", "local"):
        for folder in ("/media", "/media/private"):
            answers = []
            for name in (world.file(visibility), missing):
                async with world.place.client.get(f"{folder}/{name}") as answer:
                    own = {"x-request-id", "date"}
                    head = {k: v for k, v in answer.headers.items() if k.lower() not in own}
                    answers.append((answer.status, head, await answer.read()))
            assert answers[0] == answers[1]
            assert answers[0][0] == 404


async def shown_to(world: World, viewer: str, visibility: str) -> str:
    post = await world.people[viewer].get(f"/api/v1/statuses/{world.posts[visibility]['id']}")
    return str(post["media_attachments"][0]["url"])


async def test_address_closes_with_the_right_to_see(world: World, watch: Watch) -> None:
    author, follower = world.people["author"], world.people["follower"]
    url = await shown_to(world, "follower", "private")
    assert (await opened(world.place, url))[0] == 200
    await follower.post(f"/api/v1/accounts/{author.id}/unfollow")
    assert (await opened(world.place, url))[0] == 404
    await follower.follow(author)
    assert (await opened(world.place, url))[0] == 200
    await author.post(f"/api/v1/accounts/{follower.id}/block")
    assert (await opened(world.place, url))[0] == 404
    mentioned = await shown_to(world, "mentioned", "direct")
    await world.place.database.write(
        actors.set_moderation_state, world.people["mentioned"].actor.id, "suspended"
    )
    assert (await opened(world.place, mentioned))[0] == 404
    local = await shown_to(world, "stranger", "local")
    await author.call("DELETE", f"/api/v1/statuses/{world.posts['local']['id']}")
    assert (await opened(world.place, local))[0] == 404


async def test_excluded_reader_opens_nothing_with_what_they_had(world: World) -> None:
    url, stranger = await shown_to(world, "stranger", "local"), world.people["stranger"].actor.id
    steps: tuple[tuple[AccountState, int], ...]
    steps = (("disabled", 404), ("active", 200), ("pending", 404))
    for state, status in steps:
        await world.place.database.write(accounts.set_state, stranger, state)
        assert (await opened(world.place, url))[0] == status, state


async def test_address_is_good_for_a_day_at_most(world: World, watch: Watch) -> None:
    url = await shown_to(world, "mentioned", "direct")
    assert url == await shown_to(world, "mentioned", "direct"), "clients keep what they have"
    watch.advance(timedelta(hours=11, minutes=59))
    assert (await opened(world.place, url))[0] == 200
    watch.advance(timedelta(hours=12, minutes=2))
    assert (await opened(world.place, url))[0] == 404
    assert (await opened(world.place, await shown_to(world, "mentioned", "direct")))[0] == 200


async def test_seal_holds_for_what_it_was_made_for(world: World) -> None:
    """Every part of an address changed: nothing opens."""
    url = URL(await shown_to(world, "mentioned", "direct"))
    stranger, follower = world.people["stranger"], world.people["follower"]
    later = str(int(url.query["until"]) + 43_200)
    others = [
        url.update_query(me=stranger.id),
        url.update_query(me=follower.id),
        url.update_query(until=later),
        url.update_query(seal="0" * 32),
        url.update_query(seal=""),
        url.update_query(seal="\u00e9"),
        url.without_query_params("seal"),
        url.without_query_params("until"),
        url.update_query({"for": "other.example"}),
        url.with_path(f"/media/private/{world.file('private')}").with_query(url.query),
        url.with_path(f"/media/proxy/original/{world.posts['direct']['id']}").with_query(url.query),
    ]
    assert (await opened(world.place, str(url)))[0] == 200
    for other in others:
        assert (await opened(world.place, str(other)))[0] == 404, other
    print(f"{len(others)} other addresses")


async def test_unattached_media_opens_for_its_sender_only(world: World) -> None:
    made = await sent(world.people["author"])
    name = URL(made["url"]).path.rpartition("/")[2]
    assert (await opened(world.place, made["url"]))[0] == 200
    assert (await opened(world.place, f"http://home.example/media/{name}"))[0] == 404
    url = URL(made["url"]).update_query(me=world.people["stranger"].id)
    assert (await opened(world.place, str(url)))[0] == 404


# ---- what other servers get ----


async def accept(world: World, name: str) -> Any:
    """Somebody elsewhere who follows the author."""
    stranger = world.other.person(name)
    author = world.people["author"]
    assert await stranger.tell(world.place, stranger.says("Follow", author.actor.uri)) == 202
    await settle(world.place)
    return stranger


def attached(world: World) -> list[str]:
    """The addresses of the pictures of every post that was delivered, newest last."""
    bodies = [json.loads(sent.body) for sent in world.other.arrived]
    notes = [one["object"] for one in bodies if one["type"] == "Create"]
    return [file["url"] for note in notes for file in note.get("attachment", ())]


async def test_server_keeps_a_picture_while_somebody_there_may_see_it(world: World) -> None:
    author, vera = world.people["author"], await accept(world, "vera")
    made = await sent(author, description="Corners")
    said = await author.say("For you", visibility="private", media_ids=[made["id"]])
    await settle(world.place)
    (url,) = attached(world)
    assert URL(url).query["for"] == "other.example" and "until" not in URL(url).query
    status, data = await opened(world.place, url)
    assert status == 200
    (shown,) = (await author.get(f"/api/v1/statuses/{said['id']}"))["media_attachments"]
    assert data == (await opened(world.place, shown["url"]))[1]
    for path in (URL(said["uri"]).path, await created(world, said)):
        _, body, _ = await vera.get(world.place, path)
        found = json.loads(body)
        assert (found.get("object") or found)["attachment"][0]["url"] == url
    async with world.place.client.get(URL(said["uri"]).path, headers={"Accept": TYPE}) as answer:
        assert answer.status == 404
    await vera.tell(
        world.place,
        vera.says("Undo", {"type": "Follow", "actor": vera.uri, "object": author.actor.uri}),
    )
    await settle(world.place)
    assert (await opened(world.place, url))[0] == 404


async def created(world: World, said: Any) -> str:
    number = int(said["id"])
    uri = await world.place.database.read(
        lambda reader: reader.value(
            "SELECT uri FROM activities WHERE post = ? AND type = 'Create'", number
        )
    )
    return URL(str(uri)).path


async def test_cached_answers_hold_nothing_sealed(world: World) -> None:
    """One body for all: the address that opens is made when it is handed over."""
    bodies = await world.place.database.read(
        lambda reader: [row[0] for row in reader.rows("SELECT body FROM activities")]
    )
    assert any('{"kith:media":"private/' in body for body in bodies)
    assert not any("seal=" in body for body in bodies)


async def test_link_that_somebody_wrote_is_not_made_whole(world: World) -> None:
    """Placeholders work only as values of their own, never in what a member says."""
    placeholder = f'{{"kith:media":"private/{world.file("direct")}"}}'
    bare = f"http://home.example/media/private/{world.file('direct')} {placeholder}"
    author = world.people["author"]
    vera = await accept(world, "vera")
    said = await author.say(bare, spoiler_text=bare, visibility="private")
    await settle(world.place)
    _, body, _ = await vera.get(world.place, URL(said["uri"]).path)
    assert b"seal=" not in body
    seen = await world.people["follower"].get(f"/api/v1/statuses/{said['id']}")
    assert "seal=" not in seen["content"] + seen["spoiler_text"]
