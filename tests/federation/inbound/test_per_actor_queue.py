"""Order of activities: one at a time for each actor, each once, none left behind."""

import asyncio
from collections.abc import AsyncIterator
from itertools import count

import pytest

from federation.inbound.per_actor_queue import BATCH, PerActorQueue
from storage.engine.database import Database
from storage.engine.transaction import Writer
from storage.queues import inbox
from storage.queues.inbox import Received

_numbers = count(1)


@pytest.fixture
async def turns(database: Database) -> AsyncIterator[PerActorQueue]:
    yield PerActorQueue(database)


def received(actor: str) -> Received:
    uri = f"https://away.example/activities/{next(_numbers)}"
    return Received(0, uri, actor, actor, "away.example", "Like", "authentic", "{}")


def keep_all(writer: Writer, arrived: list[Received]) -> list[bool]:
    return [inbox.keep(writer, one) for one in arrived]


async def come(database: Database, turns: PerActorQueue, *actors: str) -> list[str]:
    """One activity of each, in this order; return their URIs."""
    arrived = [received(actor) for actor in actors]
    assert all(await database.write(keep_all, arrived))
    for actor in actors:
        turns.came(actor)
    return [one.uri for one in arrived]


async def close(database: Database, turns: PerActorQueue, done: Received) -> None:
    await database.write(inbox.close, done)
    turns.end(done)


async def taken(turns: PerActorQueue) -> Received:
    found = await turns.take()
    assert found is not None
    return found


async def test_oldest_goes_first_and_of_one_actor_one_at_a_time(
    database: Database, turns: PerActorQueue
) -> None:
    uris = await come(database, turns, "bob", "bob", "eve", "bob")
    first, other = await taken(turns), await taken(turns)
    assert [first.uri, other.uri] == [uris[0], uris[2]]
    assert await turns.take() is None  # bob is being heard already
    await close(database, turns, other)
    assert await turns.take() is None
    await close(database, turns, first)
    second = await taken(turns)
    assert second.uri == uris[1]
    await close(database, turns, second)
    assert (await taken(turns)).uri == uris[3]


async def test_actor_beside_a_slow_one_does_not_wait(
    database: Database, turns: PerActorQueue
) -> None:
    await come(database, turns, *["bob"] * 5)
    slow = await taken(turns)
    assert await turns.take() is None
    (uri,) = await come(database, turns, "eve")
    eves = await taken(turns)
    assert eves.uri == uri
    (again,) = await come(database, turns, "eve")
    assert await turns.take() is None
    await close(database, turns, eves)
    assert (await taken(turns)).uri == again
    turns.end(slow)


async def test_postponed_activity_has_its_turn_again(
    database: Database, turns: PerActorQueue
) -> None:
    (uri,) = await come(database, turns, "bob")
    first = await taken(turns)
    turns.end(first)  # as after a fault: nothing was written, so it is due as before
    again = await taken(turns)
    assert again.uri == uri
    await close(database, turns, again)
    assert await turns.take() is None


async def test_workers_take_every_activity_once_and_never_two_of_one_actor(
    database: Database, turns: PerActorQueue
) -> None:
    actors = [f"actor{number % 7}" for number in range(5 * BATCH)]
    uris = await come(database, turns, *actors)
    done: list[Received] = []
    at_work: set[str] = set()

    async def work() -> None:
        while len(done) < len(uris):
            mine = await turns.take()
            if mine is None:
                await asyncio.sleep(0)
                continue
            assert mine.actor not in at_work
            at_work.add(mine.actor)
            await asyncio.sleep(0)
            at_work.discard(mine.actor)
            done.append(mine)
            await close(database, turns, mine)

    async with asyncio.timeout(30):
        await asyncio.gather(*(work() for _ in range(4)))
    assert sorted(one.uri for one in done) == sorted(uris)
    for actor in set(actors):
        mine_in_order = [one.uri for one in done if one.actor == actor]
        assert mine_in_order == [u for u, a in zip(uris, actors, strict=True) if a == actor]
