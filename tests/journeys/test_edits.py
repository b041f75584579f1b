"""An edit reaches everybody whom the post reached, with its history, and nobody else."""

from datetime import timedelta

import pytest

from federation.vocabulary.sanitize_html import plain
from tests.journeys.test_saying import Places, friends
from tests.support.clock import Watch
from tests.support.servers import Person, settle


async def history(person: Person, id_: str) -> list[tuple[str, str]]:
    found = await person.get(f"/api/v1/statuses/{id_}/history")
    return [(plain(one["content"]), one["spoiler_text"]) for one in found]


async def test_edit_converges_with_its_history(places: Places, watch: Watch) -> None:
    alice, bob, _ = await friends(places)
    said = await alice.say("The leeks faild.")
    await settle(*places)
    (seen,) = await bob.home()
    path = f"/api/v1/statuses/{said['id']}"
    for text, spoiler in (("The leeks failed.", ""), ("The leeks failed. #Soup", "garden")):
        watch.advance(timedelta(minutes=1))
        params = {"status": text, "spoiler_text": spoiler}
        edited = await alice.call("PUT", path, json=params)
        assert edited["edited_at"] is not None
    await settle(*places)
    expected = [
        ("The leeks faild.", ""),
        ("The leeks failed.", ""),
        ("The leeks failed. #Soup", "garden"),
    ]
    for person, post in ((alice, said), (bob, seen)):
        assert await history(person, post["id"]) == expected
        now = await person.get(f"/api/v1/statuses/{post['id']}")
        assert (plain(now["content"]), now["spoiler_text"]) == expected[-1]
        assert now["edited_at"] == edited["edited_at"]
        assert [tag["name"] for tag in now["tags"]] == ["soup"]
        assert now["created_at"] == said["created_at"]
    dates = [one["created_at"] for one in await bob.get(f"/api/v1/statuses/{seen['id']}/history")]
    assert dates == sorted(dates)
    source = await alice.get(f"{path}/source")
    assert (source["text"], source["spoiler_text"]) == ("The leeks failed. #Soup", "garden")


async def test_booster_is_told_of_each_edit_wherever_they_are(places: Places) -> None:
    home, _ = places
    alice, bob, carol = await friends(places)
    dora = await home.person("dora")
    said = await alice.say("The leeks faild.")
    await settle(*places)
    (found,) = (await carol.get("/api/v2/search", q=said["url"], resolve="true"))["statuses"]
    await carol.post(f"/api/v1/statuses/{found['id']}/reblog")
    await dora.post(f"/api/v1/statuses/{said['id']}/reblog")
    await settle(*places)
    for text in ("The leeks failed.", "The leeks failed!"):
        await alice.call("PUT", f"/api/v1/statuses/{said['id']}", json={"status": text})
        await settle(*places)
        for person, name in ((carol, "alice@home.example"), (dora, "alice")):
            assert (await person.notified()).count(("update", name)) == 1
    now = await carol.get(f"/api/v1/statuses/{found['id']}")
    assert plain(now["content"]) == "The leeks failed!"
    assert ("update", "alice@home.example") not in await bob.notified()


async def test_mentioned_people_are_told_of_an_edit_and_former_ones_hear_on(
    places: Places,
) -> None:
    home, _ = places
    alice, _, carol = await friends(places)
    dora = await home.person("dora")
    said = await alice.say("@dora Are you there?", visibility="unlisted")
    path = f"/api/v1/statuses/{said['id']}"
    params = {"status": f"@dora {carol.handle} Are you there on Saturday?"}
    await alice.call("PUT", path, json=params)
    await settle(*places)
    assert await carol.notified() == [("mention", "alice@home.example")]
    assert [one[0] for one in await dora.notified()] == ["mention"]
    await alice.call("PUT", path, json={"status": f"{carol.handle} Saturday?"})
    await settle(*places)
    for person, number in (
        (carol, (await carol.get("/api/v1/notifications"))[0]["status"]["id"]),
        (dora, said["id"]),
    ):
        now = await person.get(f"/api/v1/statuses/{number}")
        assert plain(now["content"]).endswith("Saturday?")
        assert [one["username"] for one in now["mentions"]] == ["carol"]
        assert now["visibility"] == "unlisted"
    assert len(await carol.notified()) == 1


@pytest.mark.parametrize("visibility", ["direct", "private"])
async def test_edit_of_what_is_for_few_lets_in_nobody_whom_it_mentions(
    places: Places, visibility: str
) -> None:
    home, _ = places
    alice, bob, carol = await friends(places)
    dora, erin = await home.person("dora"), await home.person("erin")
    said = await alice.say(f"@dora {bob.handle} Erin has the key.", visibility=visibility)
    await settle(*places)
    ((kind, _),) = await bob.notified()
    path = f"/api/v1/statuses/{said['id']}"
    edited = await alice.call(
        "PUT", path, json={"status": f"@dora {bob.handle} @erin {carol.handle} Soon!"}
    )
    await settle(*places)
    assert kind == "mention"
    assert sorted(one["username"] for one in edited["mentions"]) == ["bob", "dora"]
    for person in (erin, carol):
        assert await person.notified() == []
    for place in (path, f"{path}/history"):
        assert (await erin.ask("GET", place))[0] == 404
        assert (await dora.ask("GET", place))[0] == 200
    (seen,) = await bob.get("/api/v1/notifications")
    number = seen["status"]["id"]
    assert plain(seen["status"]["content"]).endswith("Soon!")
    assert (await carol.ask("GET", f"/api/v1/statuses/{number}"))[0] == 404


async def test_version_before_an_edit_is_handed_to_no_server(places: Places, watch: Watch) -> None:
    home, _ = places
    alice, *_ = await friends(places)
    said = await alice.say("The key is under the pot.")

    async def served() -> list[bool]:
        """List of all activities about it, oldest first: whether anybody gets them."""
        numbers = await home.database.read(
            lambda r: r.rows(
                "SELECT id FROM activities WHERE post = ? ORDER BY id", int(said["id"])
            )
        )
        head = {"Accept": "application/activity+json"}
        found = []
        for (number,) in numbers:
            async with home.client.get(f"/activities/{number}", headers=head) as answer:
                found.append(answer.status == 200)
                assert answer.status == 200 or "pot" not in await answer.text()
        return found

    assert await served() == [True]
    for at, text in enumerate(("The pot is empty.", "Ask me.")):
        watch.advance(timedelta(minutes=1))
        await alice.call("PUT", f"/api/v1/statuses/{said['id']}", json={"status": text})
        assert await served() == [*[False] * (at + 1), True]


async def test_edit_never_changes_whom_a_post_is_for(places: Places) -> None:
    _, away = places
    alice, bob, _ = await friends(places)
    wide = {"status": "Changed.", "visibility": "public", "local_only": "false"}
    for visibility in ("local", "private", "unlisted"):
        said = await alice.say("First.", visibility=visibility)
        await settle(*places)
        edited = await alice.call("PUT", f"/api/v1/statuses/{said['id']}", json=wide)
        await settle(*places)
        assert edited["visibility"] == said["visibility"]
        assert edited["local_only"] == said["local_only"] == (visibility == "local")
    seen = [(plain(one["content"]), one["visibility"]) for one in await bob.home()]
    assert sorted(seen) == [("Changed.", "private"), ("Changed.", "unlisted")]
    async with away.client.get("/api/v1/timelines/public") as answer:
        assert await answer.json() == []


@pytest.mark.parametrize("text", ["", "  ", "x" * 10_000])
async def test_edit_is_checked_like_a_post(places: Places, text: str) -> None:
    alice = await places[0].person("alice")
    said = await alice.say("First.")
    path = f"/api/v1/statuses/{said['id']}"
    status, body = await alice.ask("PUT", path, json={"status": text})
    assert (status, set(body)) == (422, {"error"})
    assert await history(alice, said["id"]) == [("First.", "")]
    again = await alice.call("PUT", path, json={"sensitive": True})
    assert (plain(again["content"]), again["sensitive"]) == ("First.", True)
    assert len(await history(alice, said["id"])) == 2


async def test_edit_without_a_change_says_nothing(places: Places) -> None:
    alice, *_ = await friends(places)
    said = await alice.say("First.", language="en")
    await settle(*places)
    path = f"/api/v1/statuses/{said['id']}"
    same = await alice.call("PUT", path, json={"status": "First.", "language": "en"})
    assert same["edited_at"] is None
    assert await places[1].work() is False
    assert await places[0].work() is False
