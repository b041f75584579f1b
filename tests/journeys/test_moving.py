"""Somebody goes on elsewhere, and those who follow come along; somebody leaves for good."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from federation.vocabulary.sanitize_html import plain
from server.actions.lifecycle import account_deletion, account_moves
from server.actions.lifecycle.account_moves import CannotMove
from server.services import SERVICES
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Person, Place, serving, settle


@dataclass
class Lands:
    """Bob lives on away and wants to go to third; alice on home and dora on away follow him."""

    home: Place
    away: Place
    third: Place
    alice: Person
    bob: Person
    dora: Person
    robert: Person

    @property
    def all(self) -> tuple[Place, Place, Place]:
        return self.home, self.away, self.third


@pytest.fixture
async def lands(tmp_path: Path, internet: Internet, watch: Watch) -> AsyncIterator[Lands]:
    async with AsyncExitStack() as stack:
        home, away, third = [
            await stack.enter_async_context(
                serving(tmp_path / name, f"{name}.example", internet, watch)
            )
            for name in ("home", "away", "third")
        ]
        alice, bob = await home.person("alice"), await away.person("bob")
        dora, robert = await away.person("dora"), await third.person("robert")
        for follower in (alice, dora):
            await follower.follow(bob)
        await settle(home, away, third)
        yield Lands(home, away, third, alice, bob, dora, robert)


async def go(lands: Lands, *, alias: bool = True) -> None:
    if alias:
        await account_moves.add_alias(
            lands.third.app[SERVICES], lands.robert.actor.id, lands.bob.handle
        )
    await account_moves.move(lands.away.app[SERVICES], lands.bob.actor.id, lands.robert.handle)
    await settle(*lands.all)


async def following(person: Person) -> list[str]:
    found = await person.get(f"/api/v1/accounts/{person.id}/following")
    people = [one["acct"] for one in found if not one["group"]]
    return sorted(people)


async def seen_by(person: Person, handle: str) -> dict[str, Any]:
    found: dict[str, Any] = await person.get("/api/v1/accounts/lookup", acct=handle)
    return found


async def test_followers_come_along(lands: Lands) -> None:
    number = await lands.alice.find(lands.bob.handle)
    options = {"reblogs": False, "notify": True, "languages": ["en"]}
    await lands.alice.post(f"/api/v1/accounts/{number}/follow", **options)
    await go(lands)
    assert await following(lands.alice) == await following(lands.dora) == ["robert@third.example"]
    new = await lands.alice.find(lands.robert.handle)
    (standing,) = await lands.alice.get("/api/v1/accounts/relationships", **{"id[]": new})
    assert (standing["showing_reblogs"], standing["notifying"]) == (False, True)
    assert standing["languages"] == ["en"]
    await lands.robert.say("The kettle is on, here too.")
    await settle(*lands.all)
    (first, *_) = await lands.alice.home()
    assert plain(first["content"]) == "The kettle is on, here too."
    assert ("follow", "alice@home.example") in await lands.robert.notified()
    for person in (lands.alice, lands.bob):
        old = await seen_by(person, "bob@away.example" if person is lands.alice else "bob")
        assert old["moved"]["acct"].startswith("robert@third.example")


async def test_move_needs_a_link_back(lands: Lands) -> None:
    with pytest.raises(CannotMove, match="does not name this account"):
        await go(lands, alias=False)
    assert await following(lands.alice) == ["bob@away.example"]
    assert (await seen_by(lands.bob, "bob")).get("moved") is None


async def test_move_is_allowed_once_a_week(lands: Lands, watch: Watch) -> None:
    await go(lands)
    await account_moves.come_back(lands.away.app[SERVICES], lands.bob.actor.id)
    other = await lands.home.person("carol")
    await account_moves.add_alias(lands.home.app[SERVICES], other.actor.id, lands.bob.handle)
    with pytest.raises(CannotMove, match="seven days"):
        await account_moves.move(lands.away.app[SERVICES], lands.bob.actor.id, other.handle)
    watch.advance(timedelta(days=8))
    await account_moves.move(lands.away.app[SERVICES], lands.bob.actor.id, other.handle)


async def test_move_in_a_circle_is_refused(lands: Lands) -> None:
    await go(lands)
    await account_moves.add_alias(lands.away.app[SERVICES], lands.bob.actor.id, lands.robert.handle)
    with pytest.raises(CannotMove, match="moved on itself"):
        await account_moves.move(lands.third.app[SERVICES], lands.robert.actor.id, lands.bob.handle)


async def test_relationships_hold_for_where_somebody_went(lands: Lands) -> None:
    erin, carl = await lands.home.person("erin"), await lands.home.person("carl")
    for person, act in ((erin, "block"), (carl, "mute")):
        number = await person.find(lands.bob.handle)
        await person.post(f"/api/v1/accounts/{number}/{act}")
    await settle(*lands.all)
    await go(lands)
    for person, flag in ((erin, "blocking"), (carl, "muting")):
        new = await person.find(lands.robert.handle)
        (standing,) = await person.get("/api/v1/accounts/relationships", **{"id[]": new})
        assert standing[flag] is True, flag


async def test_deleted_account_is_gone_everywhere_and_so_are_its_ways_in(lands: Lands) -> None:
    said = await lands.bob.say("My last one here.")
    await settle(*lands.all)
    (seen,) = await lands.alice.home()
    await lands.away.database.write(account_deletion.leave, lands.bob.actor)
    assert (await lands.bob.ask("GET", "/api/v1/timelines/home"))[0] == 401
    await settle(*lands.all)
    for place in lands.all:
        while await account_deletion.erase_next(place.database):
            pass
    assert await lands.alice.home() == await lands.dora.home() == []
    assert (await lands.alice.ask("GET", f"/api/v1/statuses/{seen['id']}"))[0] == 404
    assert (await lands.dora.ask("GET", f"/api/v1/statuses/{said['id']}"))[0] == 404
    headers = {"Accept": "application/activity+json"}
    async with lands.away.client.get(f"/actors/{lands.bob.id}", headers=headers) as answer:
        assert answer.status == 410


async def test_conversation_stays_with_those_who_said_something_in_it(lands: Lands) -> None:
    erin, carol, bill = [await lands.home.person(name) for name in ("erin", "carol", "bill")]
    first = await bill.say("@erin @carol Saturday?", visibility="direct")
    await erin.say("@bill @carol Yes.", visibility="direct", in_reply_to_id=first["id"])
    alone = await erin.say("@carol Between us.", visibility="direct")
    await lands.home.database.write(account_deletion.leave, erin.actor)
    while await account_deletion.erase_next(lands.home.database):
        pass
    for person in (bill, carol):
        (found,) = await person.get("/api/v1/conversations")
        assert found["last_status"]["id"] == first["id"]
    assert (await carol.ask("GET", f"/api/v1/statuses/{alone['id']}"))[0] == 404
