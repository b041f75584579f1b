"""Whoever sends slowly waits by themselves (SECURITY 46); deadlines are the reverse proxy's."""

import asyncio
from contextlib import AsyncExitStack

from tests.support.servers import Place

MANY = 500
SOON = 10  # seconds: what takes longer has been held up


async def begun(place: Place, stack: AsyncExitStack, data: bytes) -> None:
    """A connection that has sent so much, and goes on to send nothing."""
    _, writer = await asyncio.open_connection("127.0.0.1", place.client.port)
    stack.callback(writer.close)
    writer.write(data)
    await writer.drain()


async def test_five_hundred_who_never_finish_hold_up_nobody(place: Place) -> None:
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
