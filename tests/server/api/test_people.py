"""What members note, show and hide about each other; and how they find one another."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from storage.people import actors
from tests.support.clock import Watch
from tests.support.servers import Person, Place


async def trio(place: Place) -> list[Person]:
    return [await place.person(name) for name in ("alice", "bob", "carol")]


async def standing(who: Person, other: Person) -> Any:
    (found,) = await who.get("/api/v1/accounts/relationships", id=other.id)
    return found


async def test_note_is_for_oneself(place: Place) -> None:
    alice, bob, _ = await trio(place)
    path = f"/api/v1/accounts/{bob.id}/note"
    assert (await alice.post(path, comment=" met at the lake "))["note"] == "met at the lake"
    assert (await standing(alice, bob))["note"] == "met at the lake"
    assert (await standing(bob, alice))["note"] == ""
    assert (await alice.post(path, comment=""))["note"] == ""
    assert (await alice.ask("POST", path, json={"comment": "x" * 2001}))[0] == 422


@pytest.mark.parametrize("names", [("endorse", "unendorse"), ("pin", "unpin")])
async def test_people_are_shown_on_a_profile(place: Place, names: tuple[str, str]) -> None:
    alice, bob, carol = await trio(place)
    await alice.follow(bob)
    path = f"/api/v1/accounts/{bob.id}"
    assert (await alice.post(f"{path}/{names[0]}"))["endorsed"] is True
    status, _ = await alice.ask("POST", f"/api/v1/accounts/{carol.id}/{names[0]}")
    assert status == 422
    assert [one["id"] for one in await alice.get("/api/v1/endorsements")] == [bob.id]
    async with place.client.get(f"/api/v1/accounts/{alice.id}/endorsements") as answer:
        assert [one["id"] for one in await answer.json()] == [bob.id]
    assert (await alice.post(f"{path}/{names[1]}"))["endorsed"] is False
    assert await alice.get("/api/v1/endorsements") == []


async def hidden(place: Place, *people: Person) -> None:
    for person in people:
        wanted = replace(person.actor, discoverable=False)
        await place.database.write(actors.update, wanted)


async def test_suggestions_are_people_who_want_to_be_found(place: Place) -> None:
    alice, bob, carol = await trio(place)
    dora = await place.person("dora")
    await hidden(place, dora)
    found = await alice.get("/api/v2/suggestions")
    assert [one["account"]["id"] for one in found] == [carol.id, bob.id]
    assert [one["id"] for one in await alice.get("/api/v1/suggestions")] == [carol.id, bob.id]
    assert await alice.call("DELETE", f"/api/v1/suggestions/{carol.id}") == {}
    assert [one["id"] for one in await alice.get("/api/v1/suggestions")] == [bob.id]
    assert len(await dora.get("/api/v1/suggestions")) == 3
    await alice.follow(bob)
    assert await alice.get("/api/v1/suggestions") == []
    assert (await alice.ask("DELETE", "/api/v1/suggestions/1"))[0] == 404


async def test_directory_goes_on_by_offset(place: Place) -> None:
    alice, bob, carol = await trio(place)
    await hidden(place, alice)
    await bob.say("Here I am.")
    async with place.client.get("/api/v1/directory?limit=1&local=true") as answer:
        assert [one["id"] for one in await answer.json()] == [bob.id]
        link = answer.headers["Link"]
    assert "offset=1" in link
    async with place.client.get("/api/v1/directory?order=new") as answer:
        assert [one["id"] for one in await answer.json()] == [carol.id, bob.id]
    await alice.post(f"/api/v1/accounts/{bob.id}/block")
    assert [one["id"] for one in await alice.get("/api/v1/directory")] == [carol.id]


async def test_familiar_followers_are_those_one_follows_oneself(place: Place) -> None:
    alice, bob, carol = await trio(place)
    dora, erin = await place.person("dora"), await place.person("erin")
    for one in (bob, dora):
        await one.follow(carol)
    await alice.follow(bob)
    path = f"/api/v1/accounts/familiar_followers?id[]={carol.id}&id[]={erin.id}"

    async def told() -> list[tuple[str, list[str]]]:
        found = await alice.get(path)
        return [(one["id"], [who["id"] for who in one["accounts"]]) for one in found]

    assert await told() == [(carol.id, [bob.id]), (erin.id, [])]
    await place.database.write(actors.update, replace(carol.actor, hide_collections=True))
    assert await told() == [(carol.id, []), (erin.id, [])]


async def test_mute_ends_by_itself(place: Place, watch: Watch) -> None:
    alice, bob, _ = await trio(place)
    await alice.follow(bob)
    await bob.say("@alice hello")
    before = await alice.notified()
    shown = await alice.post(f"/api/v1/accounts/{bob.id}/mute", duration=60)
    assert (shown["muting"], shown["muting_notifications"]) == (True, True)
    await bob.say("@alice hello again")
    assert await alice.home() == []
    assert await alice.notified() == []
    watch.advance(timedelta(seconds=61))
    assert len(await alice.home()) == 2
    assert await alice.notified() == before
    assert (await standing(alice, bob))["muting"] is False
    assert await alice.get("/api/v1/mutes") == []


async def test_mute_may_leave_notifications(place: Place) -> None:
    alice, bob, _ = await trio(place)
    await alice.follow(bob)
    shown = await alice.post(f"/api/v1/accounts/{bob.id}/mute", notifications=False)
    assert (shown["muting"], shown["muting_notifications"]) == (True, False)
    await bob.say("@alice hello")
    assert await alice.home() == []
    assert [kind for kind, _ in await alice.notified()] == ["mention"]


async def test_profile_is_given_and_changed_as_it_was_written(place: Place) -> None:
    alice = await place.person("alice")
    shown = await alice.get("/api/v1/profile")
    assert (shown["avatar"], shown["show_media"], shown["attribution_domains"]) == (None, True, [])
    for method in ("PATCH", "PUT"):
        changed = await alice.call(
            method,
            "/api/v1/profile",
            json={
                "note": f"I like #moths. {method}",
                "show_media": False,
                "avatar_description": "A moth",
                "attribution_domains": ["Blog.example"],
                "fields_attributes": [{"name": "Web", "value": "https://alice.example"}],
            },
        )
        assert changed["note"] == f"I like #moths. {method}"
        assert changed["fields"][0]["value"] == "https://alice.example"
        assert changed["show_media"] is False
        assert changed["avatar_description"] == "A moth"
        assert changed["attribution_domains"] == ["blog.example"]
    assert await alice.get("/api/v1/profile") == changed
    assert changed["featured_tags"] == []
    featured = await alice.post("/api/v1/featured_tags", name="Moths")
    assert (await alice.get("/api/v1/profile"))["featured_tags"] == [featured]


async def test_addresses_of_hashtags_are_encoded(place: Place) -> None:
    alice = await place.person("alice")
    said = await alice.say("#Größe")
    address = "/tags/gr%C3%B6sse"  # case folded: ß is ss
    assert said["tags"][0]["url"].endswith(address)
    assert address in said["content"]
    assert (await place.client.get(address)).status == 200


async def test_defaults_are_given_as_preferences(place: Place) -> None:
    alice = await place.person("alice")
    await alice.call(
        "PATCH",
        "/api/v1/accounts/update_credentials",
        json={"source": {"privacy": "private", "quote_policy": "nobody", "language": "de"}},
    )
    assert await alice.get("/api/v1/preferences") == {
        "posting:default:visibility": "private",
        "posting:default:sensitive": False,
        "posting:default:language": "de",
        "posting:default:quote_policy": "nobody",
        "reading:expand:media": "default",
        "reading:expand:spoilers": False,
        "reading:autoplay:gifs": False,
    }
    status, body = await alice.ask(
        "PATCH",
        "/api/v1/accounts/update_credentials",
        json={"source": {"quote_policy": "sometimes"}},
    )
    assert (status, list(body["details"])) == (422, ["source[quote_policy]"])
