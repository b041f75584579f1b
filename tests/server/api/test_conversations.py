"""Conversations, and threads of which somebody wants to hear no more."""

from typing import Any

from server.operations.job_runner import JOBS
from storage.engine.transaction import Writer
from storage.queues.job_kinds import FindConversations
from tests.support.servers import Person, Place

ALL = "/api/v1/conversations"


async def three(place: Place) -> list[Person]:
    return [await place.person(name) for name in ("alice", "bob", "carol")]


async def direct(who: Person, text: str, **more: Any) -> Any:
    return await who.say(text, visibility="direct", **more)


async def seen(who: Person) -> list[tuple[list[str], str, bool]]:
    """(others, last words, unread) of each, newest first."""
    found = await who.get(ALL)
    return [
        (
            sorted(one["username"] for one in entry["accounts"]),
            entry["last_status"]["content"].rpartition("</span> ")[2].removesuffix("</p>"),
            entry["unread"],
        )
        for entry in found
    ]


async def test_direct_post_begins_one_for_each_who_takes_part(place: Place) -> None:
    alice, bob, carol = await three(place)
    first = await direct(alice, "@bob hello")
    assert await seen(alice) == [(["bob"], "hello", False)]
    assert await seen(bob) == [(["alice"], "hello", True)]
    assert await seen(carol) == []
    await direct(bob, "@alice and you?", in_reply_to_id=first["id"])
    assert await seen(alice) == [(["bob"], "and you?", True)]
    assert await seen(bob) == [(["alice"], "and you?", False)]
    await direct(alice, "@bob @carol the three of us", in_reply_to_id=first["id"])
    assert await seen(carol) == [(["alice", "bob"], "the three of us", True)]
    assert await seen(alice) == [
        (["bob", "carol"], "the three of us", False),
        (["bob"], "and you?", True),
    ]


async def test_conversation_with_nobody_names_oneself(place: Place) -> None:
    """Clients look at the first account without asking whether there is one."""
    alice, _, _ = await three(place)
    await direct(alice, "not to be forgotten")
    assert await seen(alice) == [(["alice"], "<p>not to be forgotten", False)]


async def test_conversation_is_for_named_people_only(place: Place) -> None:
    alice, bob, _ = await three(place)
    for visibility in ("public", "unlisted", "private", "local"):
        await alice.say("@bob hello", visibility=visibility)
    assert await seen(bob) == []


async def test_conversation_is_read_unread_and_put_away(place: Place) -> None:
    alice, bob, _ = await three(place)
    first = await direct(alice, "@bob hello")
    (one,) = await bob.get(ALL)
    path = f"{ALL}/{one['id']}"
    assert (await bob.post(f"{path}/read"))["unread"] is False
    assert (await bob.post(f"{path}/unread"))["unread"] is True
    assert (await bob.post(f"{path}/read"))["last_status"]["id"] == first["id"]
    assert await bob.call("DELETE", path) == {}
    assert await seen(bob) == []
    assert await seen(alice) == [(["bob"], "hello", False)]
    await direct(alice, "@bob are you there?", in_reply_to_id=first["id"])
    assert await seen(bob) == [(["alice"], "are you there?", True)]


async def test_lists_go_on_by_the_last_post(place: Place) -> None:
    alice, bob, carol = await three(place)
    posts = [await direct(one, "@alice hello") for one in (bob, carol, bob)]
    headers = {"Authorization": f"Bearer {alice.token}"}
    path, pages = f"{ALL}?limit=2", []
    while path:
        async with place.client.get(path, headers=headers) as answer:
            found, links = await answer.json(), answer.headers.get("Link", "")
        pages.append([one["last_status"]["id"] for one in found])
        if found:
            assert f"max_id={pages[-1][-1]}" in links
            assert f"min_id={pages[-1][0]}" in links
        path = links.partition(">")[0].removeprefix("<http://home.example")
    assert pages == [[posts[2]["id"], posts[1]["id"]], [posts[0]["id"]], []]


async def test_deleted_post_is_not_the_last_of_a_conversation(place: Place) -> None:
    alice, bob, _ = await three(place)
    first = await direct(alice, "@bob hello")
    second = await direct(bob, "@alice sorry", in_reply_to_id=first["id"])
    await direct(alice, "@bob @carol all", in_reply_to_id=first["id"])
    await bob.call("DELETE", f"/api/v1/statuses/{second['id']}")
    assert await seen(bob) == [(["alice", "carol"], "all", True), (["alice"], "hello", False)]
    await alice.call("DELETE", f"/api/v1/statuses/{first['id']}")
    assert await seen(bob) == [(["alice", "carol"], "all", True)]


async def test_conversation_is_not_shown_with_whom_one_does_not_want_to_hear(place: Place) -> None:
    alice, bob, _ = await three(place)
    await direct(bob, "@alice hello")
    await alice.post(f"/api/v1/accounts/{bob.id}/mute")
    assert await seen(alice) == []
    await alice.post(f"/api/v1/accounts/{bob.id}/unmute")
    await bob.post(f"/api/v1/accounts/{alice.id}/block")
    assert await seen(alice) == []


async def test_muted_thread_is_not_told_of(place: Place) -> None:
    alice, bob, carol = await three(place)
    first = await alice.say("What now?")
    answer = await bob.say("@alice nothing", in_reply_to_id=first["id"])
    muted = await alice.post(f"/api/v1/statuses/{answer['id']}/mute")
    assert muted["muted"] is True
    for id_ in (first["id"], answer["id"]):
        assert (await alice.get(f"/api/v1/statuses/{id_}"))["muted"] is True
        assert (await bob.get(f"/api/v1/statuses/{id_}"))["muted"] is False
    before = await alice.notified()
    await carol.say("@alice something", in_reply_to_id=answer["id"])
    await carol.post(f"/api/v1/statuses/{first['id']}/favourite")
    await carol.post(f"/api/v1/statuses/{first['id']}/reblog")
    assert await alice.notified() == before
    shown = await alice.post(f"/api/v1/statuses/{first['id']}/unmute")
    assert shown["muted"] is False
    await carol.say("@alice once more", in_reply_to_id=answer["id"])
    assert await alice.notified() == [("mention", "carol"), *before]


async def test_muted_thread_of_direct_posts_is_not_unread(place: Place) -> None:
    alice, bob, _ = await three(place)
    first = await direct(bob, "@alice hello")
    await alice.post(f"/api/v1/statuses/{first['id']}/mute")
    (one,) = await alice.get(ALL)
    await alice.post(f"{ALL}/{one['id']}/read")
    await direct(bob, "@alice hello?", in_reply_to_id=first["id"])
    assert await seen(alice) == [(["bob"], "hello?", False)]


async def test_direct_posts_from_before_are_found_bit_by_bit(place: Place) -> None:
    """Posts as after migrating an older database: read already, and only for those who see."""
    alice, bob, carol = await three(place)
    first = await direct(alice, "@bob hello")
    await direct(bob, "@alice and you?", in_reply_to_id=first["id"])
    await direct(alice, "@bob @carol the three of us", in_reply_to_id=first["id"])
    for number in range(205):
        await carol.say(f"@bob not only for you {number}")
    gone = await direct(carol, "@alice never mind")
    await carol.call("DELETE", f"/api/v1/statuses/{gone['id']}")
    await direct(carol, "@alice blocked later")
    await carol.post(f"/api/v1/accounts/{alice.id}/block")

    def forget(writer: Writer) -> None:
        writer.execute("DELETE FROM conversations")
        writer.execute(
            "INSERT INTO jobs (id, kind, subject, due) VALUES (2, ?, 'all', 0)",
            FindConversations.kind,
        )

    await place.database.write(forget)
    assert await seen(bob) == []
    await direct(bob, "@alice meanwhile", in_reply_to_id=first["id"])
    (job,) = [one for one in place.app[JOBS] if one.name == FindConversations.kind]
    rounds = 0
    while await job.run_once():
        rounds += 1
    assert rounds == 3
    both, all_three = (["bob"], "meanwhile", True), (["bob", "carol"], "the three of us", False)
    assert await seen(alice) == [both, all_three]
    assert await seen(bob) == [
        (["alice"], "meanwhile", False),
        (["alice", "carol"], "the three of us", False),
    ]
    assert (["alice"], "blocked later", False) in await seen(carol)
    count = await place.database.read(
        lambda reader: reader.value("SELECT count(*) FROM conversations")
    )
    assert count == 6
