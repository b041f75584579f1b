"""A poll over two servers: asked, voted in, edited, closed; and what is refused."""

from datetime import timedelta
from typing import Any

from server.actions.posts.polls import close_next
from server.services import SERVICES
from storage.engine.transaction import Reader
from storage.lifecycle import retention
from tests.journeys.test_saying import Places, friends
from tests.support.clock import Watch
from tests.support.servers import Person, settle

CHOICES: dict[str, Any] = {"options": ["Leek", "Kale", "Both"], "expires_in": 3600}


async def asked(alice: Person, bob: Person, places: Places, **poll: Any) -> tuple[Any, Any]:
    """Alice's poll as she and as bob see it."""
    said = await alice.say("Which soup?", poll={**CHOICES, **poll})
    await settle(*places)
    (seen,) = await bob.home()
    return said, seen


async def vote(person: Person, post: Any, *choices: int) -> tuple[int, Any]:
    path = f"/api/v1/polls/{post['id']}/votes"
    return await person.ask("POST", path, json={"choices": list(choices)})


def figures(poll: Any) -> tuple[list[int | None], int, int | None]:
    counted = [option["votes_count"] for option in poll["options"]]
    return counted, poll["votes_count"], poll["voters_count"]


async def test_vote_from_elsewhere_is_counted_and_never_shown_as_a_post(places: Places) -> None:
    alice, bob, carol = await friends(places)
    said, seen = await asked(alice, bob, places)
    assert [option["title"] for option in seen["poll"]["options"]] == CHOICES["options"]
    assert seen["poll"]["id"] == seen["id"]
    assert (seen["poll"]["voted"], seen["poll"]["own_votes"]) == (False, [])
    status, voted = await vote(bob, seen, 1)
    assert (status, voted["voted"], voted["own_votes"]) == (200, True, [1])
    await settle(*places)
    poll = await alice.get(f"/api/v1/polls/{said['id']}")
    assert figures(poll) == ([0, 1, 0], 1, 1)
    assert len(await alice.home()) == 1
    assert (await alice.get(f"/api/v1/statuses/{said['id']}/context"))["descendants"] == []
    assert await alice.notified() == [("follow", "bob@away.example")]
    assert (await vote(alice, said, 0))[0] == 422  # one's own
    (found,) = (await carol.get("/api/v2/search", q=said["url"], resolve="true"))["statuses"]
    assert figures(found["poll"])[0] == [0, 1, 0]


async def test_vote_counts_once_and_several_where_that_is_asked(places: Places) -> None:
    alice, bob, _ = await friends(places)
    dora = await places[0].person("dora")
    said, seen = await asked(alice, bob, places)
    for person, post in ((bob, seen), (dora, said)):
        assert (await vote(person, post, 0, 1))[0] == 422
        assert (await vote(person, post, 3))[0] == 422
        assert (await vote(person, post))[0] == 422
        assert (await vote(person, post, 0))[0] == 200
        status, body = await vote(person, post, 1)
        assert status == 422
        assert body == {"error": "Validation failed: You have already voted on this poll"}
    await settle(*places)
    assert figures(await alice.get(f"/api/v1/polls/{said['id']}")) == ([2, 0, 0], 2, 2)


async def test_several_may_be_chosen_where_that_is_asked(places: Places) -> None:
    alice, bob, _ = await friends(places)
    said, seen = await asked(alice, bob, places, multiple=True, hide_totals=True)
    assert (await vote(bob, seen, 0, 2))[0] == 200
    await settle(*places)
    poll = await alice.get(f"/api/v1/polls/{said['id']}")
    assert figures(poll) == ([None, None, None], 2, 1)
    headers = {"Accept": "application/activity+json"}
    async with places[0].client.get(f"/posts/{said['id']}", headers=headers) as answer:
        document = await answer.json(content_type=None)
    assert document["anyOf"][0] == {"type": "Note", "name": "Leek"}
    assert "votersCount" not in document


async def test_multiple_choice_may_be_added_to_later(places: Places) -> None:
    alice, bob, _ = await friends(places)
    dora = await places[0].person("dora")
    said, seen = await asked(alice, bob, places, multiple=True)
    for person, post in ((bob, seen), (dora, said)):
        assert (await vote(person, post, 2))[0] == 200
        status, body = await vote(person, post, 0)
        assert (status, body["own_votes"]) == (200, [2, 0])
        assert (await vote(person, post, 1, 2))[0] == 422  # none of them, for one is chosen
        assert (await person.get(f"/api/v1/polls/{post['id']}"))["own_votes"] == [2, 0]
    await settle(*places)
    assert figures(await alice.get(f"/api/v1/polls/{said['id']}")) == ([2, 0, 2], 4, 2)


async def test_end_of_a_poll_is_told_to_everybody(places: Places, watch: Watch) -> None:
    home, away = places
    alice, bob, _ = await friends(places)
    dora = await home.person("dora")
    said, seen = await asked(alice, bob, places, hide_totals=True)
    await vote(bob, seen, 1)
    await vote(dora, said, 1)
    await settle(*places)
    watch.advance(timedelta(hours=1))
    assert (await vote(await home.person("erin"), said, 0))[0] == 422
    while await close_next(home.app[SERVICES]):
        pass
    await settle(*places)
    while await close_next(away.app[SERVICES]):
        pass
    for person, post in ((alice, said), (bob, seen), (dora, said)):
        poll = (await person.get(f"/api/v1/statuses/{post['id']}"))["poll"]
        assert (poll["expired"], figures(poll)) == (True, ([0, 2, 0], 2, 2))
        told = [one for one in await person.notified() if one[0] == "poll"]
        assert len(told) == 1, person.actor.name
    assert not (await alice.get(f"/api/v1/statuses/{said['id']}"))["edited_at"]


async def test_edited_poll_begins_anew_when_something_else_is_asked(places: Places) -> None:
    alice, bob, _ = await friends(places)
    said, seen = await asked(alice, bob, places)
    await vote(bob, seen, 1)
    await settle(*places)
    path = f"/api/v1/statuses/{said['id']}"
    same = {"status": "Which soup tonight?", "poll": CHOICES}
    edited = await alice.call("PUT", path, json=same)
    await settle(*places)
    assert figures(edited["poll"]) == ([0, 1, 0], 1, 1)
    assert figures((await bob.get(f"/api/v1/statuses/{seen['id']}"))["poll"]) == ([0, 1, 0], 1, 1)
    other = {"status": "Which soup tonight?", "poll": {**CHOICES, "options": ["Leek", "Pea"]}}
    await alice.call("PUT", path, json=other)
    await settle(*places)
    for person, post in ((alice, said), (bob, seen)):
        poll = (await person.get(f"/api/v1/statuses/{post['id']}"))["poll"]
        assert [option["title"] for option in poll["options"]] == ["Leek", "Pea"]
        assert figures(poll) == ([0, 0], 0, 0)
        assert not poll["voted"]
        history = await person.get(f"/api/v1/statuses/{post['id']}/history")
        assert [len(one["poll"]["options"]) for one in history] == [3, 3, 2]
    assert (await vote(bob, seen, 1))[0] == 200
    await settle(*places)
    assert figures(await alice.get(f"/api/v1/polls/{said['id']}")) == ([0, 1], 1, 1)


async def test_poll_of_a_followers_only_post_is_for_followers(places: Places) -> None:
    home, _ = places
    alice, bob, carol = await friends(places)
    said = await alice.say("Which soup?", poll=CHOICES, visibility="private")
    await settle(*places)
    (seen,) = await bob.home()
    for person in (carol, await home.person("dora")):
        post = seen if person is carol else said
        assert await vote(person, post, 0) == (404, {"error": "Record not found"})
        assert (await person.ask("GET", f"/api/v1/polls/{post['id']}"))[0] == 404
    assert (await vote(bob, seen, 0))[0] == 200


async def test_poll_that_makes_no_sense_is_refused_with_a_sentence(places: Places) -> None:
    alice = await places[0].person("alice")
    for wrong in (
        {"options": ["One"]},
        {"options": ["One", "One"]},
        {"options": [str(number) for number in range(9)]},
        {"options": ["One", "x" * 101]},
        {"expires_in": 60},
        {"expires_in": 10**9},
        {"expires_in": "soon"},
    ):
        params = {"status": "?", "poll": {**CHOICES, **wrong}}
        status, body = await alice.ask("POST", "/api/v1/statuses", json=params)
        assert status == 422, wrong
        assert body["error"].endswith(".")
    assert await alice.home() == []


async def test_redrafting_brings_text_and_poll_back(places: Places) -> None:
    alice = await places[0].person("alice")
    said = await alice.say("Which soup?", poll=CHOICES)
    gone = await alice.call("DELETE", f"/api/v1/statuses/{said['id']}")
    assert gone["text"] == "Which soup?"
    assert [option["title"] for option in gone["poll"]["options"]] == CHOICES["options"]

    def left(reader: Reader) -> list[int]:
        tables = ("polls", "poll_options", "poll_votes")
        return [reader.value(f"SELECT count(*) FROM {name}") for name in tables]

    assert await places[0].database.read(left) == [0, 0, 0]


async def test_choice_is_kept_no_longer_than_it_takes_to_say_it(
    places: Places, watch: Watch
) -> None:
    alice, bob, _ = await friends(places)
    said, seen = await asked(alice, bob, places)
    dora = await places[0].person("dora")
    for person, post in ((bob, seen), (dora, said)):
        assert (await vote(person, post, 1))[0] == 200
        await bob.say("Voted.")
    before = [await person.place.database.read(creates) for person in (dora, bob)]
    watch.advance(timedelta(seconds=1))
    for place in places:
        await place.database.write(retention.forget)
    after = [await person.place.database.read(creates) for person in (dora, bob)]
    assert after == [before[0] - 1, before[1]]  # bob's waits to be delivered
    await settle(*places)
    await bob.place.database.write(retention.forget)
    assert await bob.place.database.read(creates) == before[1] - 1
    poll = await alice.get(f"/api/v1/polls/{said['id']}")
    assert figures(poll) == ([0, 2, 0], 2, 2)


def creates(reader: Reader) -> int:
    return int(reader.value("SELECT count(*) FROM activities WHERE type = 'Create'"))
