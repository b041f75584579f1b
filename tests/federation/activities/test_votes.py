"""Votes and polls as others say them: what counts, and what is refused (SECURITY 17, 28, 76)."""

from datetime import timedelta
from typing import Any

import orjson

from storage.engine.transaction import Reader
from tests.federation.saying import follow, hear, homes
from tests.federation.world import PUBLIC, Document, Neighbour, Stranger
from tests.support.clock import Watch
from tests.support.servers import Person, Place

CHOICES: dict[str, Any] = {"options": ["Leek", "Kale"], "expires_in": 3600}


def choice(voter: Stranger, post: Any, option: str, **more: Any) -> Document:
    note = voter.note("", inReplyTo=post["uri"], name=option, to=[post["account"]["uri"]], cc=[])
    del note["content"]
    return voter.says("Create", note | more)


def question(author: Stranger, *counts: int, **more: Any) -> Document:
    names = ("Leek", "Kale")
    options = [
        {"type": "Note", "name": name, "replies": {"type": "Collection", "totalItems": count}}
        for name, count in zip(names, counts, strict=True)
    ]
    end = "2026-11-25T08:00:00Z"
    asked = {"type": "Question", "oneOf": options, "endTime": end, "votersCount": sum(counts)}
    return author.note("<p>Which soup?</p>", **asked) | more


def kept(reader: Reader) -> list[tuple[int, ...]]:
    """Number of votes and posts that there are."""
    return [
        reader.rows("SELECT position FROM poll_votes ORDER BY id"),
        reader.value("SELECT count(*) FROM posts WHERE NOT local"),
    ]


async def test_vote_counts_once_for_whoever_sees_the_poll(
    ours: Place, alice: Person, vera: Stranger
) -> None:
    said = await alice.say("Which soup?", poll=CHOICES)
    first = choice(vera, said, "Kale")
    assert await hear(ours, vera, first) == ("done", "")
    for again in (choice(vera, said, "Kale"), choice(vera, said, "Leek")):
        verdict, reason = await hear(ours, vera, again)
        assert (verdict, reason) == ("refused", "You have already voted on this poll")
    assert await ours.database.read(kept) == [[(1,)], 0]


async def test_multiple_choice_counts_each_option_once(
    ours: Place, alice: Person, vera: Stranger
) -> None:
    said = await alice.say("Which soups?", poll={**CHOICES, "multiple": True})
    for option, expected in (("Leek", "done"), ("Kale", "done"), ("Leek", "refused")):
        assert (await hear(ours, vera, choice(vera, said, option)))[0] == expected
    poll = (await alice.get(f"/api/v1/statuses/{said['id']}"))["poll"]
    assert (poll["votes_count"], poll["voters_count"]) == (2, 1)


async def test_vote_that_cannot_be_counted_is_refused_and_no_post(
    ours: Place, alice: Person, vera: Stranger, victim: Neighbour, evil: Neighbour, watch: Watch
) -> None:
    victor, mallory = victim.person("victor"), evil.person("mallory")
    private = await alice.say("Which soup?", poll=CHOICES, visibility="private")
    public = await alice.say("Which soup?", poll=CHOICES)
    local = await alice.say("Which soup?", poll=CHOICES, visibility="local")
    plain = await alice.say("No poll.")
    number = await alice.find("@mallory@evil.example")
    await alice.post(f"/api/v1/accounts/{number}/block")
    for voter, post, option in (
        (victor, private, "Kale"),  # of the same server as a follower, and no follower
        (mallory, public, "Kale"),  # blocked
        (vera, local, "Kale"),
        (vera, plain, "Kale"),
        (vera, public, "Pea"),
        (vera, {**public, "uri": "http://ours.example/posts/1"}, "Kale"),
    ):
        verdict, _ = await hear(ours, voter, choice(voter, post, option))
        assert verdict == "refused", (voter.name, option)
    fetched = choice(vera, public, "Kale")["object"]
    await alice.get("/api/v2/search", q=victim.serves(fetched), resolve="true")
    watch.advance(timedelta(hours=1))
    verdict, reason = await hear(ours, vera, choice(vera, public, "Kale"))
    assert (verdict, reason) == ("refused", "The poll has already ended")
    assert await ours.database.read(kept) == [[], 0]
    assert [kind for kind, _ in await alice.notified()] == ["follow"]


async def test_poll_of_others_is_read_and_its_figures_follow(
    ours: Place, alice: Person, victim: Neighbour
) -> None:
    vera = victim.person("vera")
    await follow(alice, vera)
    asked = question(vera, 2, 1)
    assert (await hear(ours, vera, vera.says("Create", asked)))[0] == "done"
    (seen,) = await alice.home()
    assert figures(seen) == [2, 1]
    assert seen["poll"]["voters_count"] == 3
    assert seen["poll"]["expires_at"] == "2026-11-25T08:00:00.000Z"
    newer = question(vera, 2, 4, id=asked["id"])
    assert (await hear(ours, vera, vera.says("Update", newer)))[0] == "done"
    (seen,) = await alice.home()
    assert (figures(seen), seen["edited_at"]) == ([2, 4], None)
    voted = await alice.post(f"/api/v1/polls/{seen['id']}/votes", choices=["0"])
    assert [one["votes_count"] for one in voted["options"]] == [3, 4]
    assert voted["voters_count"] == 7


def figures(seen: Any) -> list[int]:
    return [option["votes_count"] for option in seen["poll"]["options"]]


async def test_end_of_others_polls_is_told_once_to_who_voted(
    ours: Place, alice: Person, victim: Neighbour
) -> None:
    vera = victim.person("vera")
    await follow(alice, vera)
    asked = question(vera, 2, 1)
    await hear(ours, vera, vera.says("Create", asked))
    (seen,) = await alice.home()
    await alice.post(f"/api/v1/polls/{seen['id']}/votes", choices=[1])
    closed = question(vera, 2, 2, id=asked["id"], closed="2026-11-24T08:00:00Z")
    for _ in range(2):
        await hear(ours, vera, vera.says("Update", closed))
    told = [one for one in await alice.get("/api/v1/notifications") if one["type"] == "poll"]
    assert len(told) == 1
    assert told[0]["status"]["poll"]["expired"] is True


async def test_question_of_any_shape_is_read_or_is_no_poll(
    ours: Place, alice: Person, victim: Neighbour
) -> None:
    vera = victim.person("vera")
    await follow(alice, vera)
    many = [{"type": "Note", "name": f"Option {number}"} for number in range(600)]
    shapes: tuple[tuple[Any, int], ...] = (
        ({"oneOf": many}, 20),
        ({"anyOf": {"name": "One"}, "oneOf": many}, 1),
        ({"oneOf": "nonsense"}, 0),
        ({"oneOf": [1, None, {}, {"name": ["x"]}]}, 0),
        ({"oneOf": [{"name": "A", "replies": {"totalItems": -5}}], "votersCount": "many"}, 1),
        ({"oneOf": [{"name": "A", "replies": {"totalItems": 2**62}}], "votersCount": True}, 1),
        ({"oneOf": [{"name": "A", "replies": []}], "endTime": 7, "closed": {}}, 1),
    )
    for more, options in shapes:
        asked = vera.note("<p>?</p>", type="Question", **more)
        assert (await hear(ours, vera, vera.says("Create", asked)))[0] == "done"
        (seen, *_) = await alice.home()
        assert len((seen["poll"] or {"options": []})["options"]) == options, more
    assert len(await homes(alice)) == len(shapes)


async def test_vote_goes_to_who_asks_and_says_nothing_else(
    ours: Place, alice: Person, victim: Neighbour
) -> None:
    vera = victim.person("vera")
    await follow(alice, vera)
    asked = question(vera, 0, 0)
    await hear(ours, vera, vera.says("Create", asked))
    (seen,) = await alice.home()
    victim.asked.clear()
    await alice.post(f"/api/v1/polls/{seen['id']}/votes", choices=[1])
    while await ours.work():
        pass
    (sent,) = victim.arrived
    assert sent.path == "/users/vera/inbox"
    said = orjson.loads(sent.body)
    note = said["object"]
    assert (note["type"], note["name"], note["inReplyTo"]) == ("Note", "Kale", asked["id"])
    assert "content" not in note
    assert note["to"] == said["to"] == [vera.uri]
    assert PUBLIC not in str(said)
    number = note["id"].rpartition("/")[2]
    for path in (f"/votes/{number}", said["id"].removeprefix("http://ours.example")):
        async with ours.client.get(path, headers={"Accept": "application/activity+json"}) as found:
            assert found.status == 404
