"""Servers that are away for a while, and processes that die."""

from contextlib import AsyncExitStack
from datetime import timedelta
from pathlib import Path

from federation.vocabulary.sanitize_html import plain
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Place, serving, settle


async def test_peer_that_is_down_for_an_hour_loses_nothing(
    tmp_path: Path, internet: Internet, watch: Watch
) -> None:
    async with serving(tmp_path / "home", "home.example", internet, watch) as home:
        async with serving(tmp_path / "away", "away.example", internet, watch) as away:
            alice, bob = await home.person("alice"), await away.person("bob")
            await bob.follow(alice)
            await settle(home, away)
            token = bob.token
        await alice.say("You are not there.")
        watch.advance(timedelta(seconds=1))
        await alice.say("Still not.")
        for _ in range(12):  # an hour, five minutes at a time
            await settle(home)
            watch.advance(timedelta(minutes=5))
        async with serving(tmp_path / "away", "away.example", internet, watch) as away:
            watch.advance(timedelta(hours=2))
            await settle(home, away)
            bob.place, bob.token = away, token
            assert [plain(one["content"]) for one in await bob.home()] == [
                "Still not.",
                "You are not there.",
            ]


async def test_post_from_before_a_crash_is_delivered_after_it(
    tmp_path: Path, internet: Internet, watch: Watch
) -> None:
    async with AsyncExitStack() as stack:
        away = await stack.enter_async_context(
            serving(tmp_path / "away", "away.example", internet, watch)
        )
        bob = await away.person("bob")
        async with serving(tmp_path / "home", "home.example", internet, watch) as home:
            alice = await home.person("alice")
            await bob.follow(alice)
            await settle(home, away)
            await alice.say("Committed, and not yet carried away.")
        home = await stack.enter_async_context(
            serving(tmp_path / "home", "home.example", internet, watch)
        )
        await settle(home, away)
        assert [plain(one["content"]) for one in await bob.home()] == [
            "Committed, and not yet carried away."
        ]


Places = tuple[Place, Place]


async def test_servers_that_follow_each_other_come_to_rest(places: Places) -> None:
    home, away = places
    alice, bob = await home.person("alice"), await away.person("bob")
    await alice.follow(bob)
    await bob.follow(alice)
    await settle(home, away)
    await alice.say(f"{bob.handle} Good morning.")
    await settle(home, away, rounds=12)
    assert not await home.work()
    assert not await away.work()
