"""Searching posts: who finds what, by which words, and that nothing typed makes us fail."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from server.operations.job_runner import JOBS
from storage.engine.transaction import Writer
from storage.people import actors
from storage.posts import search_index
from storage.queues.job_kinds import IndexPosts
from tests.storage import cast
from tests.support.clock import Watch
from tests.support.servers import Person, Place

ALL = "/api/v2/search"


async def found(who: Person, text: str, **more: Any) -> list[str]:
    """What the posts say that are found, newest first, without markup."""
    answer = await who.get(ALL, q=text, type="statuses", **more)
    assert answer["accounts"] == answer["hashtags"] == []
    return [search_index.plain(one["content"]).strip() for one in answer["statuses"]]


async def open_to_search(place: Place, who: Person, wanted: bool = True) -> None:
    await place.database.write(actors.update, replace(who.actor, indexable=wanted))


@pytest.fixture
async def alice(place: Place) -> Person:
    return await place.person("alice")


@pytest.fixture
async def bob(place: Place) -> Person:
    return await place.person("bob")


async def test_search_finds_what_one_had_to_do_with(
    place: Place, alice: Person, bob: Person
) -> None:
    await open_to_search(place, bob, wanted=False)
    assert await found(alice, "lantern") == []
    await bob.say("A lantern, unnoticed.")
    marks = {}
    for act in ("favourite", "reblog", "bookmark"):
        said = await bob.say(f"A lantern to {act}.")
        await alice.post(f"/api/v1/statuses/{said['id']}/{act}")
        marks[act] = said["id"]
    await bob.say("@alice a lantern for you", visibility="direct")
    await alice.say("My own lantern.", visibility="private")
    assert await found(alice, "lantern") == [
        "My own lantern.",
        "@alice a lantern for you",
        "A lantern to bookmark.",
        "A lantern to reblog.",
        "A lantern to favourite.",
    ]
    await alice.post(f"/api/v1/statuses/{marks['favourite']}/unfavourite")
    assert "A lantern to favourite." not in await found(alice, "lantern")


async def test_public_posts_of_those_who_want_to_be_found_are_found(
    place: Place, alice: Person, bob: Person
) -> None:
    await open_to_search(place, bob)
    for visibility in ("public", "unlisted", "private", "direct", "local"):
        await bob.say(f"lantern {visibility}", visibility=visibility)
    assert await found(alice, "lantern") == ["lantern public"]
    assert await found(alice, "lantern in:library") == []
    assert await found(alice, "lantern in:public") == ["lantern public"]
    assert await found(bob, "lantern in:library -direct") == [
        f"lantern {one}" for one in ("local", "private", "unlisted", "public")
    ]
    await open_to_search(place, bob, wanted=False)
    assert await found(alice, "lantern") == []


async def test_search_of_posts_is_for_members_only(place: Place, bob: Person) -> None:
    await open_to_search(place, bob)
    await bob.say("lantern")
    async with place.client.get(f"{ALL}?q=lantern&type=statuses") as answer:
        assert await answer.json() == {"accounts": [], "statuses": [], "hashtags": []}


async def test_search_finds_nothing_hidden_or_unwanted(
    place: Place, alice: Person, bob: Person
) -> None:
    await open_to_search(place, bob)
    said = await bob.say("lantern")
    await alice.post(f"/api/v1/statuses/{said['id']}/bookmark")
    for act in ("mute", "block"):
        await alice.post(f"/api/v1/accounts/{bob.id}/{act}")
        assert await found(alice, "lantern") == []
        await alice.post(f"/api/v1/accounts/{bob.id}/un{act}")
        assert await found(alice, "lantern") == ["lantern"]
    await bob.post(f"/api/v1/accounts/{alice.id}/block")
    assert await found(alice, "lantern") == []


async def test_words_are_those_of_the_post_as_it_reads_now(alice: Person) -> None:
    said = await alice.say("A moth in the <b>lantern</b>.", spoiler_text="Insects")
    for text in ("LANTERN", "insects", "moth lantern", '"in the"', "móth"):
        assert len(await found(alice, text)) == 1, text
    absent = (
        "mother",
        "lanter*",
        "moth OR wasp",
        "moth wasp",
        '"the in"',
        "lanter",
        "strong",
        "moth -lantern",
    )
    for text in absent:
        assert await found(alice, text) == [], text
    await alice.call("PUT", f"/api/v1/statuses/{said['id']}", json={"status": "A wasp."})
    assert await found(alice, "moth") == []
    assert await found(alice, "wasp") == ["A wasp."]
    await alice.call("DELETE", f"/api/v1/statuses/{said['id']}")
    assert await found(alice, "wasp") == []


async def test_operators_narrow_it(place: Place, alice: Person, bob: Person, watch: Watch) -> None:
    await open_to_search(place, bob)
    first = await bob.say("lantern by bob", language="de")
    watch.advance(timedelta(days=1))
    await alice.say("lantern in answer", in_reply_to_id=first["id"], language="en")
    await alice.say("lantern with a link https://lamp.example/ @bob #lamps", sensitive=True)
    watch.advance(timedelta(days=1))
    await alice.say("lantern?", poll={"options": ["candle", "oil"], "expires_in": 600})
    linked = "lantern with a link https://lamp.example/ @bob #lamps"
    cases = {
        "from:bob": ["lantern by bob"],
        "from:@bob@home.example lantern": ["lantern by bob"],
        "from:me -is:reply -has:poll": [linked],
        "lantern -from:me": ["lantern by bob"],
        "lantern is:reply": ["lantern in answer"],
        "lantern is:sensitive": [linked],
        "lantern has:link": [linked],
        "lantern has:poll": ["lantern?"],
        "candle": ["lantern?"],
        "lantern has:media": [],
        "lantern language:de": ["lantern by bob"],
        "lantern before:2026-11-25": ["lantern by bob"],
        "lantern after:2026-11-25": ["lantern?"],
        "lantern during:2026-11-25": [linked, "lantern in answer"],
        "lantern during:2026-13-40": [],
        "from:nobody": [],
        "has:link": [],
        "-lantern": [],
    }
    for text, expected in cases.items():
        assert await found(alice, text) == expected, text
    assert await found(alice, "lantern", account_id=bob.id) == ["lantern by bob"]


async def test_search_goes_on_by_offset(place: Place, alice: Person) -> None:
    for number in range(5):
        await alice.say(f"lantern {number}")
    headers = {"Authorization": f"Bearer {alice.token}"}
    path, pages = f"{ALL}?q=lantern&type=statuses&limit=2", []
    while path:
        async with place.client.get(path, headers=headers) as answer:
            page, links = (await answer.json())["statuses"], answer.headers.get("Link", "")
        pages.append([search_index.plain(one["content"]).strip()[-1] for one in page])
        path = links.partition(">")[0].removeprefix("<http://home.example")
    assert pages == [["4", "3"], ["2", "1"], ["0"], []]


HOSTILE = (
    '"',
    '""',
    '"a" OR "b',
    "a AND",
    "NOT",
    "NEAR(a b)",
    "a*",
    "^a",
    "words:a",
    "marks:link",
    "{words}:a",
    "(a",
    "a) --",
    "'; DROP TABLE posts; --",
    "-",
    "--",
    '-"',
    ":",
    "from:",
    'from:"',
    "before:9999-12-31",
    "during:0000",
    "after:99999999",
    "language:" + "x" * 500,
    "\u0000a",
    "\ud800".encode("utf-8", "replace").decode(),
    "a " * 900,
    '"' * 2000,
    "-a " * 600,
    "𝕬 ‮ \u202e",
)


@pytest.mark.parametrize("text", HOSTILE)
async def test_search_text_of_any_kind_makes_no_500(alice: Person, text: str) -> None:
    """SECURITY 87."""
    await alice.say("a lantern")
    status, body = await alice.ask("GET", ALL, params={"q": text, "type": "statuses"})
    assert status in (200, 422), body
    if status == 200:
        assert len(body["statuses"]) <= 1


async def test_posts_from_before_the_index_are_indexed_bit_by_bit(
    place: Place, alice: Person
) -> None:
    def without_index(writer: Writer) -> None:
        """Leave the database as it is after the migration."""
        for number in range(450):
            said = cast.post(writer, alice.actor.id)
            text = f"<p>lantern number{number}</p>"
            writer.execute("UPDATE posts SET content = ? WHERE id = ?", text, said.id)
        writer.execute("DELETE FROM post_words")
        writer.execute(
            "INSERT INTO jobs (id, kind, subject, due) VALUES (1, ?, 'all', 0)", IndexPosts.kind
        )

    await place.database.write(without_index)
    assert await found(alice, "lantern") == []
    (job,) = [one for one in place.app[JOBS] if one.name == "index posts"]
    rounds = 0
    while await job.run_once():
        rounds += 1
    assert rounds == 4
    assert await found(alice, "number449") == ["lantern number449"]
    assert await found(alice, "number0") == ["lantern number0"]
