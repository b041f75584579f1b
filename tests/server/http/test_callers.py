"""Whose token it is, remembered: never longer than it is true (SECURITY 68)."""

import asyncio
from contextlib import ExitStack
from dataclasses import replace
from typing import Any

import pytest

from server.http import auth
from server.http.auth import MOST_READ, MOST_REMEMBERED, SUBJECTS, CurrentUsers
from storage.access import accounts, oauth
from storage.access.accounts import ACCESS
from storage.engine.changes import Change
from storage.engine.database import Database
from storage.engine.ids import ActorId
from storage.engine.transaction import Writer
from storage.people import actors
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


class Counted(Database):
    """A database that counts what is read."""

    def __init__(self, real: Database) -> None:
        self.real = real
        self.readings = 0

    async def read(self, unit: Any, *args: Any, **kwargs: Any) -> Any:
        self.readings += 1
        return await self.real.read(unit, *args, **kwargs)


def of_alice(writer: Writer) -> str:
    return give_token(writer, cast.account(writer, "alice"))


def take_back(writer: Writer, secret: str) -> None:
    token = oauth.token(writer, secret)
    assert token
    assert oauth.revoke(writer, token.id)


async def test_user_read_before_a_token_was_revoked_is_not_cached(database: Database) -> None:
    secret, held = await database.write(of_alice), Held(database)
    callers = CurrentUsers(held)
    with database.changes.listen(ACCESS, callers.forget):
        asking = asyncio.create_task(callers.of_token(secret))
        await held.read_once.wait()
        await database.write(take_back, secret)
        held.let_go.set()
        assert await asking is None
        assert await callers.of_token(secret) is None


async def test_user_whose_access_goes_on_changing_is_answered_and_not_cached(
    database: Database,
) -> None:
    secret, held = await database.write(of_alice), Held(database)
    callers = CurrentUsers(held)

    async def asked(changes: int) -> int:
        """Number of readings while that many changes come, each during a reading."""
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


def of_many(writer: Writer) -> list[str]:
    """Two tokens each of 250 people."""
    people = [cast.account(writer, f"member{number}") for number in range(250)]
    return [give_token(writer, one) for one in people for _ in range(2)]


async def test_change_of_a_user_is_forgotten_and_nothing_else(database: Database) -> None:
    """Memory of 500 tokens: only what a change is about is asked for again."""
    secrets, counted = await database.write(of_many), Counted(database)
    callers = CurrentUsers(counted)

    async def asked_again() -> list[int]:
        """Which tokens are looked up when all of them are used."""
        found = []
        for number, secret in enumerate(secrets):
            before = counted.readings
            await callers.of_token(secret)
            found += [number] * (counted.readings - before)
        return found

    with ExitStack() as listening:
        for subject in SUBJECTS:
            listening.enter_context(database.changes.listen(subject, callers.forget))
        assert len(await asked_again()) == 500
        assert await asked_again() == []
        token = (await database.read(oauth.token, secrets[7])) or pytest.fail()
        await database.write(auth._record_use, token)
        assert await asked_again() == [7], "a use was noted"
        await database.write(accounts.set_role, ActorId(token.account or 0), "steward")
        assert await asked_again() == [6, 7], "an account changed"
        somebody = (await database.read(actors.by_id, ActorId(token.account or 0))) or pytest.fail()
        await database.write(actors.update, somebody)
        assert await asked_again() == [6, 7], "an actor changed"
        await database.write(actors.update, replace(somebody, id=ActorId(1)))
        assert await asked_again() == [], "an actor who has no token changed"
        await database.write(take_back, secrets[6])
        assert await asked_again() == [6], "one token was taken back"
        assert await callers.of_token(secrets[6]) is None
        callers.forget(Change(ACCESS))
        assert len(await asked_again()) == 500, "anything may have changed"
    assert len(callers._about) == 250 + 499


async def test_change_during_a_reading_counts_only_where_it_is_about_the_same(
    database: Database,
) -> None:
    secret, held = await database.write(of_alice), Held(database)
    callers = CurrentUsers(held)
    asking = asyncio.create_task(callers.of_token(secret))
    await held.read_once.wait()
    callers.forget(Change(ACCESS, "1"))
    held.let_go.set()
    assert await asking
    assert (held.readings, len(callers._known)) == (1, 1)


def of_a_crowd(writer: Writer) -> list[str]:
    alice = cast.account(writer, "alice")
    return [give_token(writer, alice) for _ in range(MOST_REMEMBERED + 100)]


async def test_however_many_ask_no_more_are_remembered_than_there_is_room_for(
    database: Database,
) -> None:
    """SECURITY 48."""
    secrets, callers = await database.write(of_a_crowd), CurrentUsers(database)
    for secret in secrets:
        assert await callers.of_token(secret)
        assert await callers.of_token(f"not {secret}") is None
    assert len(callers._known) == MOST_REMEMBERED
