"""Reach of a post: nothing that its author says beside it makes it reach further."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Place, serving, settle

VISIBILITIES = ("public", "unlisted", "private", "direct", "local")
NARROW = ("private", "direct")
Said = dict[str, Any]


class Garden:
    """Alice, whom bob and away's rose follow; carol follows bob; dan follows nobody."""

    def __init__(self, home: Place, away: Place) -> None:
        self.home, self.away = home, away

    async def people(self) -> None:
        self.alice, self.bob, self.carol, self.dan = [
            await self.home.person(name) for name in ("alice", "bob", "carol", "dan")
        ]
        self.rose = await self.away.person("rose")
        await self.bob.follow(self.alice)
        await self.carol.follow(self.bob)
        for somebody in (self.alice, self.bob):
            await self.rose.follow(somebody)
        await settle(self.home, self.away)

    async def readers(self, said: Said) -> set[str]:
        """Who sees it: by asking for it, and rose by what came to her server."""
        seen = set()
        for who in (self.alice, self.bob, self.carol, self.dan):
            status, _ = await who.ask("GET", f"/api/v1/statuses/{said['id']}")
            seen |= {who.actor.name} if status == 200 else set()
        async with self.home.client.get(f"/api/v1/statuses/{said['id']}") as answer:
            seen |= {"anybody"} if answer.status == 200 else set()
        found = await self.rose.get("/api/v2/search", q=said["uri"], resolve="true")
        return seen | ({"rose"} if found["statuses"] else set())


@pytest.fixture
async def garden(tmp_path: Path, watch: Watch) -> AsyncIterator[Garden]:
    internet = Internet()
    async with AsyncExitStack() as stack:
        home, away = [
            await stack.enter_async_context(
                serving(tmp_path / name, f"{name}.example", internet, watch)
            )
            for name in ("home", "away")
        ]
        garden = Garden(home, away)
        await garden.people()
        yield garden


async def test_local_only_never_lets_anybody_else_in(garden: Garden) -> None:
    cells = 0
    for visibility in VISIBILITIES:
        for text in ("Slugs again.", "@bob@home.example Slugs again."):
            plain = await garden.alice.say(text, visibility=visibility)
            kept = await garden.alice.say(text, visibility=visibility, local_only=True)
            eye = await garden.alice.say(f"{text} \N{EYE}", visibility=visibility)
            await settle(garden.home, garden.away)
            readers = await garden.readers(plain)
            for said in (kept, eye):
                assert said["local_only"] is True
                assert await garden.readers(said) == readers - {"rose", "anybody"}, visibility
                cells += 6
            named = f"{garden.rose.handle} Slugs again."
            leaving = await garden.alice.say(named, visibility=visibility, local_only=True)
            await settle(garden.home, garden.away)
            assert "rose" not in await garden.readers(leaving), visibility
    assert "mention" not in [told for told, _ in await garden.rose.notified()]
    print(f"local-only: {cells} cells")


async def test_answer_reaches_no_further_than_what_it_answers(garden: Garden) -> None:
    cells = 0
    for visibility, kept in product(VISIBILITIES, (False, True)):
        text = f"@bob@home.example {visibility} {kept}"
        parent = await garden.alice.say(text, visibility=visibility, local_only=kept)
        await settle(garden.home, garden.away)
        allowed = await garden.readers(parent)
        for answer, answer_kept in product(VISIBILITIES, (False, True)):
            said = await garden.bob.say(
                "@alice I know.",
                visibility=answer,
                local_only=answer_kept,
                in_reply_to_id=parent["id"],
            )
            await settle(garden.home, garden.away)
            readers = await garden.readers(said)
            chosen = (visibility, kept, answer, answer_kept)
            assert {"alice", "bob"} <= readers <= allowed, (chosen, readers, allowed)
            assert said["local_only"] is (kept or answer_kept or "local" in (visibility, answer))
            if answer in NARROW:
                assert "dan" not in readers, chosen
            cells += 6
    print(f"answers: {cells} cells")


async def test_invalid_visibility_is_refused_and_not_made_public(garden: Garden) -> None:
    for wrong in (["direct"], {"a": "direct"}, "secret", 5):
        status, body = await garden.alice.ask(
            "POST", "/api/v1/statuses", json={"status": "Hidden.", "visibility": wrong}
        )
        assert (status, list(body)) == (422, ["error"]), wrong
    assert await garden.alice.home() == []


async def test_hidden_posts_are_neither_counted_nor_named(garden: Garden) -> None:
    parent = await garden.alice.say("Who helps?", visibility="public")
    await garden.bob.say("@alice I do.", visibility="direct", in_reply_to_id=parent["id"])
    path = f"/api/v1/statuses/{parent['id']}"
    assert (await garden.alice.get(path))["replies_count"] == 1
    assert (await garden.dan.get(path))["replies_count"] == 0
    for visibility in ("direct", "private", "local"):
        await garden.alice.say(f"#{visibility}tag", visibility=visibility)
    account = await garden.dan.get(f"/api/v1/accounts/{garden.alice.id}")
    assert account["statuses_count"] == 1
    assert account["last_status_at"] == parent["created_at"][:10]
    for visibility, everybody in (("direct", False), ("private", False), ("local", True)):
        name = f"{visibility}tag"
        found = await garden.dan.get("/api/v2/search", q=f"#{name}", type="hashtags")
        tag = await garden.dan.get(f"/api/v1/tags/{name}")
        assert bool(found["hashtags"]) is everybody
        assert (tag["history"][0]["uses"] != "0") is everybody
        async with garden.home.client.get(f"/api/v1/tags/{name}") as answer:
            assert (await answer.json())["history"][0]["uses"] == "0"
        async with garden.home.client.get(f"/api/v2/search?q=%23{name}") as answer:
            assert (await answer.json())["hashtags"] == []


async def test_unwanted_people_are_not_in_threads_either(garden: Garden) -> None:
    first = await garden.alice.say("Who helps?")
    second = await garden.dan.say("@alice Not me.", in_reply_to_id=first["id"])
    third = await garden.bob.say("@alice I do.", in_reply_to_id=second["id"])
    for act, undo in (("block", "unblock"), ("mute", "unmute")):
        await garden.carol.post(f"/api/v1/accounts/{garden.dan.id}/{act}")
        below = await garden.carol.get(f"/api/v1/statuses/{first['id']}/context")
        above = await garden.carol.get(f"/api/v1/statuses/{third['id']}/context")
        assert [one["id"] for one in below["descendants"]] == [third["id"]]
        assert [one["id"] for one in above["ancestors"]] == [first["id"]]
        await garden.carol.post(f"/api/v1/accounts/{garden.dan.id}/{undo}")
        below = await garden.carol.get(f"/api/v1/statuses/{first['id']}/context")
        assert [one["id"] for one in below["descendants"]] == [second["id"], third["id"]]
