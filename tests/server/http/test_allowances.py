"""What reading may cost: one reader is always left for members, and nobody spends for ever."""

import asyncio
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from server import routes
from server.http.allowances import (
    AT_ONCE,
    FREE,
    LONG,
    MEMBERS_PURSE,
    MOST_PURSES,
    PURSE,
    READS,
    Reads,
)
from server.http.app_keys import DATABASE
from server.http.errors import Refused
from server.http.guard import Access, get
from server.http.responses import answer
from storage.engine import instance
from storage.engine.database import READERS
from storage.engine.errors import TookTooLong
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader
from tests.storage.engine.test_readers import ENDLESS
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Place, serving

STRANGERS = ("192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8:1::1", "2001:db8:2::1")
HOME, PUBLIC = "/api/v1/timelines/home", "/api/v1/timelines/public"


def never_ends(reader: Reader) -> None:
    reader.rows(ENDLESS)


def ready(reader: Reader) -> str | None:
    return instance.get(reader, "domain")


async def reads_as(place: Place, unit: Any, asking: AbstractContextManager[None]) -> Any:
    with asking:
        return await place.database.read(unit)


async def taken(place: Place, most: int) -> None:
    """Wait until so many readers are in use."""
    while place.database.readers.in_use < most:
        await asyncio.sleep(0)


def test_routes_named_here_are_there() -> None:
    assert {route.path for route in routes.ROUTES} >= (LONG | FREE)
    assert READERS > 2 * AT_ONCE


async def test_reader_is_left_for_a_member_while_long_and_anonymous_reads_never_end(
    place: Place,
) -> None:
    reads = place.app[READS]
    asking = [reads.of(PUBLIC, address, None) for address in STRANGERS]
    asking += [reads.of(PUBLIC, "192.0.2.9", ActorId(member)) for member in range(1, 6)]
    asking += [reads.of("/tags/{name}", "192.0.2.9", ActorId(member)) for member in range(1, 6)]
    held = [asyncio.create_task(reads_as(place, never_ends, one)) for one in asking]
    await taken(place, 2 * AT_ONCE)
    for _ in range(10):  # whoever waits for a place has had the chance to take one
        found = await reads_as(place, ready, reads.of(HOME, "192.0.2.9", ActorId(1)))
        assert found == "home.example"
        assert place.database.readers.in_use == 2 * AT_ONCE
    async with place.client.get("/health") as health:
        assert health.status == 200
    for task in held:
        task.cancel()
    await asyncio.gather(*held, return_exceptions=True)


async def test_block_of_addresses_has_one_reader_and_so_has_a_member(place: Place) -> None:
    reads = place.app[READS]
    alike = [reads.of(PUBLIC, f"192.0.2.{number}", None) for number in range(1, 9)]
    alike += [reads.of(PUBLIC, "192.0.2.1", ActorId(7)) for _ in range(8)]
    held = [asyncio.create_task(reads_as(place, never_ends, one)) for one in alike]
    await taken(place, 2)
    for one in (reads.of(PUBLIC, "198.51.100.1", None), reads.of(PUBLIC, "192.0.2.1", ActorId(8))):
        assert await reads_as(place, ready, one) == "home.example"
        assert place.database.readers.in_use == 2
    for task in held:
        task.cancel()
    await asyncio.gather(*held, return_exceptions=True)


async def test_spent_allowance_is_refused_and_comes_back() -> None:
    now = [0.0]
    reads = Reads(limited=True, clock=lambda: now[0])
    reads.purses.spend("192.0.2.0/24", PURSE)
    with pytest.raises(Refused) as refused, reads.of(PUBLIC, "192.0.2.7", None):
        pass
    assert refused.value.status == 429
    wait = int(refused.value.headers["Retry-After"])
    with reads.of(PUBLIC, "198.51.100.7", None), reads.of(PUBLIC, "192.0.2.7", ActorId(1)):
        pass  # others, and members in the same house
    now[0] += wait
    with reads.of(PUBLIC, "192.0.2.7", None):
        pass
    assert reads.refused == 1


async def test_waiting_read_is_refused_once_others_of_its_block_spent_all(
    tmp_path: Path, watch: Watch
) -> None:
    async with serving(
        tmp_path / "home", "home.example", Internet(), watch, rate_limits="on"
    ) as place:
        reads = place.app[READS]
        first, second = (reads.of(PUBLIC, f"192.0.2.{number}", None) for number in (1, 2))
        reads.purses.spend("192.0.2.0/24", PURSE - 0.1)
        held = asyncio.create_task(reads_as(place, never_ends, first))
        await taken(place, 1)
        waiting = asyncio.create_task(reads_as(place, ready, second))
        with pytest.raises(TookTooLong):
            await held
        with pytest.raises(Refused):
            await waiting


async def test_member_who_spent_much_waits_behind_the_long_lists(place: Place) -> None:
    reads = place.app[READS]
    held = [
        asyncio.create_task(
            reads_as(place, never_ends, reads.of(PUBLIC, "192.0.2.9", ActorId(member)))
        )
        for member in range(1, 1 + AT_ONCE)
    ]
    await taken(place, AT_ONCE)
    reads.purses.spend("member 7", MEMBERS_PURSE + 1)
    waiting = asyncio.create_task(reads_as(place, ready, reads.of(HOME, "192.0.2.9", ActorId(7))))
    assert await reads_as(place, ready, reads.of(HOME, "192.0.2.9", ActorId(8))) == "home.example"
    assert reads.long.in_queue == 1
    for task in held:
        task.cancel()
    assert await waiting == "home.example"


def test_purses_of_many_take_no_more_room_than_we_have() -> None:
    purses = Reads(limited=True, clock=lambda: 0.0).purses
    for number in range(MOST_PURSES + 10):
        purses.spend(str(number), 1.0)
    assert len(purses) == MOST_PURSES
    assert purses.seconds_of("0") == 0.0
    assert purses.seconds_of(str(MOST_PURSES)) == 1.0


async def _never_ends(request: web.Request) -> web.Response:
    return answer(await request.app[DATABASE].read(never_ends))


async def test_list_that_takes_too_long_is_answered_503_in_plain_words(
    tmp_path: Path, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    endless = get("/api/v1/endless", _never_ends, Access.PUBLIC)
    monkeypatch.setattr("server.app.add_routes", lambda app: routes.add_routes(app, [endless]))
    async with serving(tmp_path / "home", "home.example", Internet(), watch) as place:
        async with place.client.get("/api/v1/endless") as refused:
            assert refused.status == 503
            assert refused.headers["Retry-After"] == "30"
            assert "longer" in (await refused.json())["error"]
        assert place.database.readers.interrupted == 1
