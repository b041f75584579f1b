"""What somebody shows first, at home and away."""

from typing import Any

from federation.resolve import featured_posts
from federation.resolve.background import Background
from server.http.app_keys import RESOLVER
from tests.journeys.test_saying import Places, friends, texts
from tests.support.servers import Person, Place, settle

ACCEPT = {"Accept": "application/activity+json"}


async def pinned(person: Person, whose: str) -> list[str]:
    return texts(await person.get(f"/api/v1/accounts/{whose}/statuses", pinned="true"))


async def featured(place: Place, alice: Person) -> list[str]:
    async with place.client.get(f"/actors/{alice.id}/featured", headers=ACCEPT) as answer:
        found: dict[str, Any] = await answer.json(content_type=None)
    return [str(one) for one in found["orderedItems"]]


async def test_pins_converge_with_their_undoing(places: Places) -> None:
    home, _ = places
    alice, bob, _ = await friends(places)
    number = await bob.find(alice.handle)
    made = [await alice.say(text) for text in ("One.", "Two.")]
    await settle(*places)
    for post in made:
        shown = await alice.post(f"/api/v1/statuses/{post['id']}/pin")
        assert shown["pinned"] is True
        await settle(*places)
    for person, whose in ((alice, alice.id), (bob, number)):
        assert await pinned(person, whose) == ["Two.", "One."]
    assert await featured(home, alice) == [made[1]["uri"], made[0]["uri"]]
    assert "pinned" not in (await bob.home())[0]
    again = await alice.post(f"/api/v1/statuses/{made[0]['id']}/unpin")
    assert again["pinned"] is False
    await settle(*places)
    for person, whose in ((alice, alice.id), (bob, number)):
        assert await pinned(person, whose) == ["Two."]
    await alice.call("DELETE", f"/api/v1/statuses/{made[1]['id']}")
    await settle(*places)
    assert await pinned(bob, number) == await featured(home, alice) == []


async def test_pins_are_five_own_posts_and_nothing_else(places: Places) -> None:
    alice, bob, _ = await friends(places)
    made = [await alice.say(f"Number {number}.") for number in range(6)]
    for post in made[:5]:
        await alice.post(f"/api/v1/statuses/{post['id']}/pin")
    direct = await alice.say("@alice Mine.", visibility="direct")
    await settle(*places)
    (*_, seen) = await bob.home()
    shared = await bob.post(f"/api/v1/statuses/{seen['id']}/reblog")
    for person, post in ((alice, made[5]), (alice, direct), (bob, seen), (bob, shared)):
        status, body = await person.ask("POST", f"/api/v1/statuses/{post['id']}/pin")
        assert (status, set(body)) == (422, {"error"})
    assert len(await pinned(alice, alice.id)) == 5


async def test_pinned_post_is_shown_to_whom_it_is_for(places: Places) -> None:
    home, _ = places
    alice, bob, carol = await friends(places)
    number = await bob.find(alice.handle)
    for text, visibility in (("For followers.", "private"), ("Stays here.", "local")):
        said = await alice.say(text, visibility=visibility)
        await alice.post(f"/api/v1/statuses/{said['id']}/pin")
    await settle(*places)
    assert await pinned(alice, alice.id) == ["Stays here.", "For followers."]
    assert await pinned(bob, number) == ["For followers."]
    assert await pinned(carol, number) == []
    assert await featured(home, alice) == []
    dora = await home.person("dora")
    assert await pinned(dora, alice.id) == ["Stays here."]


async def test_pins_are_fetched_when_somebody_becomes_known(
    places: Places,
) -> None:
    home, away = places
    alice = await home.person("alice")
    made = [await alice.say(text) for text in ("One.", "Two.", "Three.")]
    for post in made[:2]:
        await alice.post(f"/api/v1/statuses/{post['id']}/pin")
    bob = await away.person("bob")
    number = await bob.find(alice.handle)
    while await featured_posts.learn_next(away.database, away.app[RESOLVER], Background("test")):
        pass
    assert await pinned(bob, number) == ["Two.", "One."]
    assert await bob.home() == []
    assert await bob.notified() == []
