"""Whose token it is, remembered: never longer than it is true (SECURITY 68)."""

import asyncio
from typing import Any

from server.auth import MOST_READ, MOST_REMEMBERED, Callers
from storage import apps
from storage.accounts import ACCESS
from storage.changes import Change
from storage.database import Database
from storage.units import Writer
from tests.storage import cast
from tests.support.servers import give_token


class Held(Database):
    """A database whose readings, once made, wait to be let go."""

    def __init__(self, real: Database) -> None:
        self.real = real
        self.readings = 0
        self.read_once, self.let_go = asyncio.Event(), asyncio.Event()

    async def read(self, unit: Any, *args: Any, **kwargs: Any) -> Any:
        found = await self.real.read(unit, *args, **kwargs)
        self.readings += 1
        self.read_once.set()
        await self.let_go.wait()
        return found


def of_alice(writer: Writer) -> str:
    return give_token(writer, cast.account(writer, "alice"))


def take_back(writer: Writer, secret: str) -> None:
    token = apps.token(writer, secret)
    assert token
    assert apps.revoke(writer, token.id)


async def test_what_was_read_before_a_token_was_taken_back_is_not_kept(database: Database) -> None:
    secret, held = await database.write(of_alice), Held(database)
    callers = Callers(held)
    with database.changes.heard_by(ACCESS, callers.forget):
        asking = asyncio.create_task(callers.of_token(secret))
        await held.read_once.wait()
        await database.write(take_back, secret)
        held.let_go.set()
        assert await asking is None
        assert await callers.of_token(secret) is None


async def test_while_access_goes_on_changing_an_answer_comes_and_is_not_kept(
    database: Database,
) -> None:
    secret, held = await database.write(of_alice), Held(database)
    callers = Callers(held)

    async def asked(changes: int) -> int:
        """How often it was read, while that many changes come, each during a reading."""
        held.readings = 0
        asking = asyncio.create_task(callers.of_token(secret))
        for number in range(1, changes + 1):
            held.read_once.clear()
            while held.readings < number:
                await held.read_once.wait()
            callers.forget(Change(ACCESS))
            held.let_go.set()
            held.let_go.clear()
        held.let_go.set()
        found = await asking
        assert found
        assert found.token
        held.let_go.clear()
        return held.readings

    async with asyncio.timeout(10):
        assert await asked(MOST_READ) == MOST_READ
        assert await asked(MOST_READ - 1) == MOST_READ  # so it had not been kept, and now it is
        assert await asked(0) == 0


def of_a_crowd(writer: Writer) -> list[str]:
    alice = cast.account(writer, "alice")
    return [give_token(writer, alice) for _ in range(MOST_REMEMBERED + 100)]


async def test_however_many_ask_no_more_are_remembered_than_there_is_room_for(
    database: Database,
) -> None:
    """SECURITY 48."""
    secrets, callers = await database.write(of_a_crowd), Callers(database)
    for secret in secrets:
        assert await callers.of_token(secret)
        assert await callers.of_token(f"not {secret}") is None
    assert len(callers._known) == MOST_REMEMBERED
