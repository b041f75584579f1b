"""What one says, and who hears it."""

from federation.vocabulary.sanitize_html import plain
from tests.support.servers import Person, Place, settle

Places = tuple[Place, Place]


async def friends(places: Places) -> tuple[Person, Person, Person]:
    """Alice at home; bob, who follows her, and carol, who does not, away."""
    home, away = places
    alice = await home.person("alice")
    bob, carol = await away.person("bob"), await away.person("carol")
    await bob.follow(alice)
    await carol.find(alice.handle)
    await settle(home, away)
    return alice, bob, carol


def texts(statuses: list[dict[str, object]]) -> list[str]:
    return [plain(str(status["content"])) for status in statuses]


async def test_followers_only_post_stays_with_followers(places: Places) -> None:
    home, away = places
    alice, bob, carol = await friends(places)
    said = await alice.say("We are not fine.", visibility="private")
    await settle(home, away)
    assert texts(await bob.home()) == ["We are not fine."]
    (seen,) = await bob.home()
    assert seen["visibility"] == "private"
    status, _ = await carol.ask("GET", f"/api/v1/statuses/{seen['id']}")
    assert status == 404
    for path in (f"/posts/{said['id']}", f"/api/v1/statuses/{said['id']}"):
        async with home.client.get(path, headers={"Accept": "application/activity+json"}) as answer:
            assert answer.status == 404
    found = await carol.get("/api/v1/timelines/public")
    assert texts(found) == []


async def test_answer_reaches_notifications_and_context(places: Places) -> None:
    home, away = places
    alice, bob, _ = await friends(places)
    said = await alice.say("The leeks failed, and so did the week.")
    await settle(home, away)
    (seen,) = await bob.home()
    await bob.say(f"{alice.handle} About a hose I cried.", in_reply_to_id=seen["id"])
    await settle(home, away)
    assert ("mention", "bob@away.example") in await alice.notified()
    context = await alice.get(f"/api/v1/statuses/{said['id']}/context")
    assert texts(context["descendants"]) == ["@alice About a hose I cried."]
    (answer,) = context["descendants"]
    assert answer["in_reply_to_id"] == said["id"]
    again = await alice.say("@bob@away.example Thank you.", in_reply_to_id=answer["id"])
    await settle(home, away)
    thread = await bob.get(f"/api/v1/statuses/{seen['id']}/context")
    assert texts(thread["descendants"]) == ["@alice About a hose I cried.", "@bob Thank you."]
    assert again["in_reply_to_account_id"] == answer["account"]["id"]


async def test_direct_post_is_for_whom_it_names(places: Places) -> None:
    home, away = places
    alice, bob, carol = await friends(places)
    await alice.say(f"{carol.handle} Are you there on Saturday?", visibility="direct")
    await settle(home, away)
    assert await carol.notified() == [("mention", "alice@home.example")]
    assert await bob.home() == []
    (told,) = await carol.get("/api/v1/notifications")
    assert told["status"]["visibility"] == "direct"
    status, _ = await bob.ask("GET", f"/api/v1/statuses/{told['status']['id']}")
    assert status == 404


async def test_favourites_and_boosts_converge_with_their_undoing(places: Places) -> None:
    home, away = places
    alice, bob, _ = await friends(places)
    said = await alice.say("Twelve metres of fleece are on the hook.")
    await settle(home, away)
    (seen,) = await bob.home()
    for act, undo, count, told in (
        ("favourite", "unfavourite", "favourites_count", "favourite"),
        ("reblog", "unreblog", "reblogs_count", "reblog"),
    ):
        await bob.post(f"/api/v1/statuses/{seen['id']}/{act}")
        await settle(home, away)
        there = await alice.get(f"/api/v1/statuses/{said['id']}")
        site = await bob.get(f"/api/v1/statuses/{seen['id']}")
        assert (there[count], site[count]) == (1, 1)
        assert (told, "bob@away.example") in await alice.notified()
        await bob.post(f"/api/v1/statuses/{seen['id']}/{undo}")
        await settle(home, away)
        there = await alice.get(f"/api/v1/statuses/{said['id']}")
        site = await bob.get(f"/api/v1/statuses/{seen['id']}")
        assert (there[count], site[count]) == (0, 0)
        assert (told, "bob@away.example") not in await alice.notified()


async def test_boost_reaches_those_who_follow_the_one_who_boosts(places: Places) -> None:
    home, away = places
    alice, bob, _ = await friends(places)
    dora = await home.person("dora")
    await dora.follow(bob)
    await settle(home, away)
    await alice.say("The old Bramley gave its last apples today.")
    await settle(home, away)
    (seen,) = await bob.home()
    await bob.post(f"/api/v1/statuses/{seen['id']}/reblog")
    await settle(home, away)
    (boost,) = await dora.home()
    assert boost["account"]["acct"] == "bob@away.example"
    assert boost["reblog"]["account"]["acct"] == "alice"


async def test_deleted_post_is_gone_everywhere(places: Places) -> None:
    home, away = places
    alice, bob, _ = await friends(places)
    said = await alice.say("I regret this already.")
    await settle(home, away)
    (seen,) = await bob.home()
    gone = await alice.call("DELETE", f"/api/v1/statuses/{said['id']}")
    assert gone["text"] == "I regret this already."
    await settle(home, away)
    assert await bob.home() == []
    assert (await bob.ask("GET", f"/api/v1/statuses/{seen['id']}"))[0] == 404
    headers = {"Accept": "application/activity+json"}
    async with home.client.get(f"/posts/{said['id']}", headers=headers) as answer:
        assert answer.status == 410


async def test_said_here_stays_here(places: Places) -> None:
    home, away = places
    alice, bob, _ = await friends(places)
    dora = await home.person("dora")
    await dora.follow(alice)
    said = await alice.say("Only for The Garden.", visibility="local")
    await settle(home, away)
    assert texts(await dora.home()) == ["Only for The Garden."]
    assert await bob.home() == []
    headers = {"Accept": "application/activity+json"}
    async with home.client.get(f"/posts/{said['id']}", headers=headers) as answer:
        assert answer.status == 404
    async with home.client.get(f"/api/v1/statuses/{said['id']}") as answer:
        assert answer.status == 404


async def test_key_makes_a_post_once(places: Places) -> None:
    home, _ = places
    alice = await home.person("alice")
    key = {"Idempotency-Key": "once"}
    made = [
        await alice.call("POST", "/api/v1/statuses", json={"status": "Once."}, headers=key)
        for _ in range(3)
    ]
    assert len({status["id"] for status in made}) == 1
    assert len(await alice.home()) == 1
