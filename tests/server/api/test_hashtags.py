"""Hashtags that members follow, and those that profiles show."""

from typing import Any

import pytest

from storage.engine.ids import PostId
from storage.reading import timelines
from tests.support.servers import Person, Place


async def follow(who: Person, name: str) -> Any:
    return await who.post(f"/api/v1/tags/{name}/follow")


async def ids(who: Person) -> list[str]:
    return [one["id"] for one in await who.home()]


async def test_followed_hashtag_brings_public_posts_home(place: Place) -> None:
    alice, bob = await place.person("alice"), await place.person("bob")
    tag = await follow(alice, "Moths")
    assert (tag["name"], tag["following"], tag["featuring"]) == ("moths", True, False)
    assert (await alice.get("/api/v1/tags/moths"))["following"] is True
    assert (await bob.get("/api/v1/tags/moths"))["following"] is False
    async with place.client.get("/api/v1/tags/moths") as answer:
        assert "following" not in await answer.json()
    shown = await bob.say("Look. #Moths")
    for visibility in ("unlisted", "private", "direct", "local"):
        await bob.say("Look again. #moths", visibility=visibility)
    await bob.say("Wasps. #wasps")
    assert await ids(alice) == [shown["id"]]


async def test_followed_hashtag_brings_nothing_hidden_or_unwanted(
    place: Place,
) -> None:
    alice, bob = await place.person("alice"), await place.person("bob")
    await follow(alice, "moths")
    await bob.say("Before. #moths")
    await alice.post(f"/api/v1/accounts/{bob.id}/mute")
    assert await ids(alice) == []
    await alice.post(f"/api/v1/accounts/{bob.id}/unmute")
    assert len(await ids(alice)) == 1
    await bob.post(f"/api/v1/accounts/{alice.id}/block")
    after = await bob.say("After. #moths")
    assert await ids(alice) == []
    owner, post = int(alice.id), int(after["id"])
    assert owner not in await place.database.read(timelines.having_in_home, PostId(post))


async def test_posts_brought_by_a_hashtag_leave_with_it(place: Place) -> None:
    alice, bob, carol = [await place.person(name) for name in ("alice", "bob", "carol")]
    await alice.follow(carol)
    await follow(alice, "moths")
    await follow(alice, "wasps")
    await bob.say("One. #moths")
    both = await bob.say("Both. #moths #wasps")
    hers = await carol.say("Hers. #moths")
    own = await alice.say("Mine. #moths")
    assert len(await ids(alice)) == 4
    assert (await alice.post("/api/v1/tags/moths/unfollow"))["following"] is False
    assert await ids(alice) == [own["id"], hers["id"], both["id"]]


async def test_followed_hashtags_are_listed_by_when_they_were_followed(place: Place) -> None:
    alice = await place.person("alice")
    for name in ("moths", "wasps", "bees"):
        await follow(alice, name)
    headers = {"Authorization": f"Bearer {alice.token}"}
    async with place.client.get("/api/v1/followed_tags?limit=2", headers=headers) as answer:
        found, links = await answer.json(), answer.headers["Link"]
    assert [one["name"] for one in found] == ["bees", "wasps"]
    assert all(one["following"] for one in found)
    assert "since_id=" in links
    rest = await alice.get(links.partition(">")[0].removeprefix("<http://home.example"))
    assert [one["name"] for one in rest] == ["moths"]


@pytest.mark.parametrize("name", ["two words", "12345", "a-b", "%23", "x" * 101])
async def test_invalid_hashtag_is_not_followed(place: Place, name: str) -> None:
    alice = await place.person("alice")
    status, _ = await alice.ask("POST", f"/api/v1/tags/{name}/follow")
    assert status == 404
    status, _ = await alice.ask("POST", "/api/v1/featured_tags", json={"name": name})
    assert status == 422


async def test_profile_shows_hashtags(place: Place) -> None:
    alice, bob = await place.person("alice"), await place.person("bob")
    await alice.say("One. #Moths")
    await alice.say("For few. #moths", visibility="private")
    await bob.say("Mine. #moths")
    made = await alice.post("/api/v1/featured_tags", name="#Moths")
    assert made == {
        "id": made["id"],
        "name": "Moths",
        "url": "http://home.example/tags/moths",
        "statuses_count": "1",
        "last_status_at": "2026-11-24",
    }
    assert await alice.get("/api/v1/featured_tags") == [made]
    assert (await alice.post("/api/v1/tags/wasps/feature"))["featuring"] is True
    async with place.client.get(f"/api/v1/accounts/{alice.id}/featured_tags") as answer:
        shown = await answer.json()
    counts = [(one["name"], one["statuses_count"]) for one in shown]
    assert counts == [("Moths", "1"), ("wasps", "0")]
    assert shown[1]["last_status_at"] is None
    assert (await alice.post("/api/v1/tags/wasps/unfeature"))["featuring"] is False
    assert await alice.call("DELETE", f"/api/v1/featured_tags/{made['id']}") == {}
    assert await alice.get("/api/v1/featured_tags") == []


async def test_profile_has_room_for_ten(place: Place) -> None:
    alice = await place.person("alice")
    for number in range(10):
        await alice.post("/api/v1/featured_tags", name=f"tag{number}")
    await alice.post("/api/v1/featured_tags", name="tag3")
    assert (await alice.ask("POST", "/api/v1/featured_tags", json={"name": "more"}))[0] == 422


async def test_hashtags_that_one_uses_are_suggested(place: Place) -> None:
    alice = await place.person("alice")
    for text in ("#moths #wasps", "#moths", "#bees"):
        await alice.say(text)
    await alice.post("/api/v1/featured_tags", name="wasps")
    found = await alice.get("/api/v1/featured_tags/suggestions")
    assert [one["name"] for one in found] == ["moths", "bees"]


async def test_profile_has_room_for_as_many_hashtags_as_the_instance_says(place: Place) -> None:
    alice = await place.person("alice")
    said = await alice.get("/api/v2/instance")
    most = said["configuration"]["accounts"]["max_featured_tags"]
    for number in range(most):
        await alice.post("/api/v1/featured_tags", name=f"tag{number}")
    status, body = await alice.ask("POST", "/api/v1/featured_tags", json={"name": "one_more"})
    assert (status, str(most) in body["error"]) == (422, True)
    assert len(await alice.get("/api/v1/featured_tags")) == most > 0
