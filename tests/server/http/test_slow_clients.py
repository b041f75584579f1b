"""Whoever sends slowly waits by themselves (SECURITY 46, 89); a body has a deadline."""

import asyncio
from contextlib import AsyncExitStack
from io import BytesIO

import pytest
from aiohttp import FormData

from server.http.bodies import BODIES
from tests.server.media.test_store import PICTURE
from tests.support.servers import Place

MANY = 500
SOON = 10  # seconds: what takes longer has been held up


async def begun(place: Place, stack: AsyncExitStack, data: bytes) -> None:
    """A connection that has sent so much, and goes on to send nothing."""
    _, writer = await asyncio.open_connection("127.0.0.1", place.client.port)
    stack.callback(writer.close)
    writer.write(data)
    await writer.drain()


async def test_clients_who_never_finish_hold_up_nobody(place: Place) -> None:
    alice = await place.person("alice")
    bearer = f"Host: home.example\r\nAuthorization: Bearer {alice.token}"
    head = f"POST /api/v1/statuses HTTP/1.1\r\n{bearer}"
    unfinished = (
        b"GET / HTTP/1.1\r\nHost: home.ex",
        f"{head}\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{{".encode(),
        f"{head}\r\nContent-Type: multipart/form-data; boundary=b\r\n"
        "Content-Length: 60000\r\n\r\n--b\r\nContent-".encode(),
        b"POST /inbox HTTP/1.1\r\nHost: home.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{",
        b"POST /login HTTP/1.1\r\nHost: home.example\r\nContent-Length: 9\r\n\r\n",
    )
    async with AsyncExitStack() as stack:
        for number in range(MANY):
            await begun(place, stack, unfinished[number % len(unfinished)])
        async with asyncio.timeout(SOON):
            await alice.say("Here I am.")
            assert [one["content"] for one in await alice.home()] == ["<p>Here I am.</p>"]
            async with place.client.get("/health") as answer:
                assert answer.status == 200


def upload(token: str, size: int) -> bytes:
    return (
        "POST /api/v2/media HTTP/1.1\r\nHost: home.example\r\n"
        f"Authorization: Bearer {token}\r\nContent-Length: {size}\r\n"
        "Content-Type: multipart/form-data; boundary=b\r\n\r\n--b\r\nContent-"
    ).encode()


async def test_large_bodies_of_one_take_the_room_of_nobody_else(place: Place) -> None:
    """Ten uploads of one member that never end: four are read, and another member's is taken."""
    alice, bob = await place.person("alice"), await place.person("bob")
    largest = place.app[BODIES].largest
    async with AsyncExitStack() as stack:
        for _ in range(10):
            await begun(place, stack, upload(alice.token, 2_000_000))
        async with asyncio.timeout(SOON):
            while largest.in_queue < 6:
                await asyncio.sleep(0.01)
            assert largest.in_use == largest.each == 4
            await alice.say("Small things need no room.")
            picture = FormData()
            large = BytesIO(PICTURE + bytes(1_100_000))
            picture.add_field("file", large, filename="a.png", content_type="image/png")
            status, body = await bob.ask("POST", "/api/v2/media", data=picture)
            assert status == 200, body
    async with asyncio.timeout(SOON):
        while largest.in_use or largest.in_queue:
            await asyncio.sleep(0.01)


async def test_body_of_no_stated_length_counts_as_the_largest(place: Place) -> None:
    alice = await place.person("alice")
    largest = place.app[BODIES].largest
    head, _, _ = upload(alice.token, 9).partition(b"\r\n\r\n")
    head = head.replace(b"Content-Length: 9", b"Transfer-Encoding: chunked")
    chunked = head + b"\r\n\r\n5\r\n--b\r\n\r\n"
    async with AsyncExitStack() as stack:
        await begun(place, stack, chunked)
        async with asyncio.timeout(SOON):
            while not largest.in_use:
                await asyncio.sleep(0.01)
        assert largest.in_use == 1


async def test_body_that_does_not_come_is_waited_for_no_longer(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("server.http.bodies.PATIENCE", 0.05)
    head = b"POST /login HTTP/1.1\r\nHost: home.example\r\nContent-Length: 9\r\n\r\n"
    reader, writer = await asyncio.open_connection("127.0.0.1", place.client.port)
    writer.write(head)
    async with asyncio.timeout(SOON):
        assert (await reader.readline()).startswith(b"HTTP/1.1 408 ")
    writer.close()
