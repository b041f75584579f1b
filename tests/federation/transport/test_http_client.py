"""What the door sends, follows and reads (SECURITY A13, D35, E40)."""

import asyncio
import gzip
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from itertools import count

import pytest
from aiohttp import web

from federation.errors import Forbidden, Malformed, TooLarge, Unreachable
from federation.transport.http_client import Sign
from tests.support.peer import Peer, peer_and_door

MEBIBYTE = 1024 * 1024


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    async with peer_and_door() as peer:
        yield peer


def signer() -> tuple[Sign, list[tuple[str, str, bytes | None]]]:
    """A signature that counts, and what it was asked to sign."""
    asked: list[tuple[str, str, bytes | None]] = []
    numbers = count(1)

    def sign(method: str, url: str, body: bytes | None) -> Mapping[str, str]:
        asked.append((method, url, body))
        return {"Signature": f"number {next(numbers)}", "Date": "today"}

    return sign, asked


async def test_get_is_signed_for_exactly_what_is_sent(peer: Peer) -> None:
    sign, asked = signer()
    peer.says("/%41/~b/c", b"hello", Content_Type='Text/PLAIN; Charset="utf-8"; x=y')
    peer.answers["/A/~b/c"] = peer.answers["/%41/~b/c"]
    url = "http://Away.example:80/%41/%7eb/c?d=%2F+e&f#g"
    answer = await peer.http_client.get(url, accept="text/plain", sign=sign)
    sent = "http://away.example/%41/%7eb/c?d=%2F+e&f"
    assert (answer.status, answer.url, answer.body) == (200, sent, b"hello")
    assert (answer.content_type, answer.parameters) == (
        "text/plain",
        {"charset": "utf-8", "x": "y"},
    )
    assert asked == [("GET", sent, None)]
    method, url, headers, _ = peer.requests[0]
    assert (method, url) == ("GET", "away.example/%41/%7eb/c?d=%2F+e&f")
    assert headers["Signature"] == "number 1"
    assert headers["Accept"] == "text/plain"
    assert headers["Accept-Encoding"] == "gzip, deflate"


# Redirects


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirects_are_followed_three_times_each_with_its_own_signature(
    peer: Peer, status: int
) -> None:
    sign, asked = signer()
    peer.leads("/1", "/2", status)
    peer.leads("/2", "http://other.example/3", status)
    peer.leads("/3", "4?x", status)
    peer.says("/4", b"there", Set_Cookie="a=b")
    answer = await peer.http_client.get("http://away.example/1", accept="*/*", sign=sign)
    assert (answer.url, answer.body) == ("http://other.example/4?x", b"there")
    assert [url for _, url, _ in asked] == [f"http://{url}" for url in peer.urls]
    signatures = [headers["Signature"] for _, _, headers, _ in peer.requests]
    assert signatures == [f"number {number}" for number in range(1, 5)]
    assert not any(
        name in headers
        for _, _, headers, _ in peer.requests
        for name in ("Cookie", "Authorization")
    )


@pytest.mark.parametrize(
    ("hops", "requests"),
    [
        ({"/1": "/2", "/2": "/3", "/3": "/4", "/4": "/5"}, 4),
        ({"/1": "/1"}, 1),
        ({"/1": "#again"}, 1),
        ({"/1": ""}, 1),
        ({"/1": "/2", "/2": "/1"}, 2),
        ({"/1": "/2", "/2": "http://AWAY.example:80/1"}, 2),
        ({"/1": "http://10.0.0.1/"}, 1),
        ({"/1": "http://169.254.169.254/latest/meta-data"}, 1),
        ({"/1": "http://x.internal/"}, 1),
        ({"/1": "http://home.example/actor"}, 1),
        ({"/1": "http://user@other.example/2"}, 1),
        ({"/1": "ftp://other.example/2"}, 1),
        ({"/1": "file:///etc/passwd"}, 1),
        ({"/1": "javascript:alert(1)"}, 1),
        ({"/1": "data:application/activity+json,{}"}, 1),
        ({"/1": "http:\\\\other.example/2"}, 1),
        ({"/1": "http://other.example\\@away.example/2"}, 1),
        ({"/1": "http://ot\ther.example/2"}, 1),
        ({"/1": "http://other.example./2"}, 1),
        ({"/1": "http://[::1/2"}, 1),
        ({"/1": "http://2130706433/"}, 1),
        ({"/1": "//0x7f.1/"}, 1),
    ],
)
async def test_redirect_that_breaks_a_rule_is_not_followed(
    peer: Peer, hops: dict[str, str], requests: int
) -> None:
    peer.says("/2")
    peer.says("/5")
    for path, location in hops.items():
        peer.leads(path, location)
    with pytest.raises((Forbidden, Malformed)):
        await peer.http_client.get("http://away.example/1", accept="*/*")
    assert len(peer.requests) == requests


async def test_redirect_without_a_location_is_the_answer(peer: Peer) -> None:
    peer.says("/1", b"where?", status=302)
    answer = await peer.http_client.get("http://away.example/1", accept="*/*")
    assert (answer.status, answer.body) == (302, b"where?")
    with pytest.raises(Malformed):
        await peer.http_client.document("http://away.example/1")


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_redirecting_inbox_is_not_followed_and_gets_nothing_further(
    peer: Peer, status: int
) -> None:
    sign, asked = signer()
    peer.leads("/inbox", "http://other.example/steal", status)
    peer.says("/steal")
    answer = await peer.http_client.post(
        "http://away.example/inbox", body=b"{}", content_type="application/activity+json", sign=sign
    )
    assert answer.status == status
    assert peer.urls == ["away.example/inbox"]
    assert asked == [("POST", "http://away.example/inbox", b"{}")]


# POST


async def test_post_sends_body_headers_and_signature(peer: Peer) -> None:
    sign, _ = signer()
    peer.says("/inbox", b"taken", status=202, Retry_After="7")
    answer = await peer.http_client.post(
        "http://away.example/inbox",
        body=b"{}",
        content_type="application/activity+json",
        headers={"TTL": "60"},
        sign=sign,
    )
    assert (answer.status, answer.body) == (202, b"taken")
    assert answer.headers["retry-after"] == "7"
    _, _, headers, body = peer.requests[0]
    assert body == b"{}"
    assert headers["Content-Type"] == "application/activity+json"
    assert headers["Content-Length"] == "2"
    assert (headers["TTL"], headers["Signature"]) == ("60", "number 1")


async def test_answer_to_a_post_is_read_up_to_64_kilobytes(peer: Peer) -> None:
    peer.says("/inbox", b"x" * 3 * MEBIBYTE, status=400)
    answer = await peer.http_client.post(
        "http://away.example/inbox", body=b"{}", content_type="a/b"
    )
    assert (answer.status, answer.body) == (400, b"x" * 64 * 1024)


@pytest.mark.parametrize("encoding", ["br", "gzip", "deflate", "gzip, gzip"])
async def test_unreadable_answer_to_a_post_still_tells_its_status(
    peer: Peer, encoding: str
) -> None:
    peer.says("/inbox", b"not compressed", status=202, Content_Encoding=encoding)
    answer = await peer.http_client.post(
        "http://away.example/inbox", body=b"{}", content_type="a/b"
    )
    assert (answer.status, answer.body) == (202, b"")


async def test_slow_answer_to_a_post_still_tells_its_status(peer: Peer) -> None:
    peer.answers["/inbox"] = drip(status=202)
    answer = await peer.http_client.post(
        "http://away.example/inbox", body=b"{}", content_type="a/b", deadline=0.3
    )
    assert (answer.status, answer.body) == (202, b"")


Conversation = Callable[[asyncio.StreamReader, asyncio.StreamWriter, int], Awaitable[None]]


@asynccontextmanager
async def raw_server(peer: Peer, talk: Conversation) -> AsyncIterator[list[int]]:
    """raw.example, byte by byte; the list counts the connections."""
    connections: list[int] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(len(connections) + 1)
        try:
            await talk(reader, writer, connections[-1])
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    peer.internet.ports["raw.example"] = server.sockets[0].getsockname()[1]
    async with server:
        yield connections


async def read_post(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readuntil(b"\r\n\r\n")
    assert b"content-length: 2" in head.lower()
    return head + await reader.readexactly(2)


TAKEN = b"HTTP/1.1 202 Accepted\r\nContent-Length: 0\r\n\r\n"


@pytest.mark.parametrize("reset", [False, True])
async def test_post_is_sent_again_when_the_pooled_connection_was_dead(
    peer: Peer, reset: bool
) -> None:
    posts: list[bytes] = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, number: int) -> None:
        posts.append(await read_post(reader))
        writer.write(TAKEN)
        posts.append(await read_post(reader))
        if number == 1:
            return writer.transport.abort() if reset else None
        writer.write(TAKEN)
        return await writer.drain()

    sign, asked = signer()
    async with raw_server(peer, talk) as connections:
        for _ in range(2):
            answer = await peer.http_client.post(
                "http://raw.example/inbox", body=b"{}", content_type="a/b", sign=sign
            )
            assert answer.status == 202
    assert connections == [1, 2]
    assert len(posts) == len(asked) == 3
    assert b"number 3" in posts[2]


async def test_post_is_not_sent_again_when_a_fresh_connection_is_closed(peer: Peer) -> None:
    async def talk(reader: asyncio.StreamReader, _: asyncio.StreamWriter, __: int) -> None:
        await read_post(reader)

    async with raw_server(peer, talk) as connections:
        with pytest.raises(Unreachable, match=r"raw\.example closed the connection"):
            await peer.http_client.post("http://raw.example/inbox", body=b"{}", content_type="a/b")
    assert connections == [1]


async def test_connections_are_kept_and_at_most_two_go_to_one_host(peer: Peer) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        while True:
            try:
                await read_post(reader)
            except asyncio.IncompleteReadError:
                return
            writer.write(TAKEN)

    async with raw_server(peer, talk) as connections:
        posts = [
            peer.http_client.post("http://raw.example/inbox", body=b"{}", content_type="a/b")
            for _ in range(20)
        ]
        answers = await asyncio.gather(*posts)
        await peer.http_client.close()
    assert {answer.status for answer in answers} == {202}
    assert len(connections) <= 2


# Errors


BROKEN = {
    "no http": b"SSH-2.0-OpenSSH_9.2\r\n\r\n",
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-",
    "half a body": b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nfive!",
    "bad chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nxyz\r\n",
    "half a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nff\r\nabc",
    "bad length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "long header": b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    "many headers": b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 20_000 + b"\r\n",
    "bad status": b"HTTP/1.1 9999999 OK\r\n\r\n",
}


@pytest.mark.parametrize("bytes_sent", BROKEN.values(), ids=BROKEN)
async def test_answer_that_is_not_http_is_an_error_of_ours(peer: Peer, bytes_sent: bytes) -> None:
    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, _: int) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(bytes_sent)
        await writer.drain()

    async with raw_server(peer, talk):
        with pytest.raises(Unreachable):
            await peer.http_client.get("http://raw.example/", accept="*/*", deadline=3)


async def test_unknown_names_and_closed_ports_are_unreachable(peer: Peer) -> None:
    with pytest.raises(Unreachable, match=r"^nowhere\.example has no address$"):
        await peer.http_client.get("http://nowhere.example/", accept="*/*")
    peer.internet.ports["closed.example"] = 1
    with pytest.raises(Unreachable, match=r"^closed\.example does not accept connections$"):
        await peer.http_client.post("http://closed.example/", body=b"", content_type="a/b")
    with pytest.raises(Unreachable, match="TLS"):
        await peer.http_client.get("https://away.example/", accept="*/*")


# Limits


async def test_compressed_bomb_is_refused_before_it_unfolds(peer: Peer) -> None:
    packer = zlib.compressobj(9, wbits=31)
    bomb = b"".join(packer.compress(bytes(MEBIBYTE)) for _ in range(200)) + packer.flush()
    assert len(bomb) < 250_000
    peer.says("/bomb", bomb, Content_Encoding="gzip")
    tracemalloc.start()
    with pytest.raises(TooLarge):
        await peer.http_client.get("http://away.example/bomb", accept="*/*")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 8 * MEBIBYTE
    answer = await peer.http_client.post("http://away.example/bomb", body=b"{}", content_type="a/b")
    assert len(answer.body) == 64 * 1024
    print(f"{len(bomb)} bytes would have been 200 MiB; the peak was {peak} bytes")


@pytest.mark.parametrize("coding", ["identity", "gzip", "deflate"])
async def test_limit_is_exact_after_decompression(peer: Peer, coding: str) -> None:
    limit = 10_000
    for size in (limit, limit + 1):
        body = b"x" * size
        packed = {"gzip": gzip.compress(body, mtime=0), "deflate": zlib.compress(body)}.get(
            coding, body
        )
        peer.says(f"/{size}", packed, Content_Encoding=coding)
    answer = await peer.http_client.get(f"http://away.example/{limit}", accept="*/*", limit=limit)
    assert len(answer.body) == limit
    with pytest.raises(TooLarge):
        await peer.http_client.get(f"http://away.example/{limit + 1}", accept="*/*", limit=limit)


async def test_compressed_emptiness_is_counted_as_sent(peer: Peer) -> None:
    empty_blocks = b"\x00\x00\x00\xff\xff" * 4000  # RFC 1951 §3.2.4
    peer.says("/", empty_blocks, Content_Encoding="deflate")
    with pytest.raises(TooLarge):
        await peer.http_client.get("http://away.example/", accept="*/*", limit=10_000)


TEXT = b"a text that is compressed " * 100
CODINGS = {
    "gzip": gzip.compress(TEXT, mtime=0),
    "x-gzip": gzip.compress(TEXT, mtime=0),
    "GZIP": gzip.compress(TEXT, mtime=0),
    "deflate": zlib.compress(TEXT),
    "Deflate": zlib.compress(TEXT, wbits=-15),
    "identity": TEXT,
}


@pytest.mark.parametrize(("coding", "body"), CODINGS.items())
async def test_gzip_and_both_kinds_of_deflate_are_undone(
    peer: Peer, coding: str, body: bytes
) -> None:
    peer.says("/", body, Content_Encoding=coding)
    assert (await peer.http_client.get("http://away.example/", accept="*/*")).body == TEXT


@pytest.mark.parametrize(
    ("coding", "body"),
    [
        ("br", TEXT),
        ("zstd", TEXT),
        ("gzip, gzip", gzip.compress(gzip.compress(TEXT, mtime=0), mtime=0)),
        ("gzip", TEXT),
        ("deflate", TEXT),
        ("gzip", gzip.compress(TEXT, mtime=0)[:-9]),
        ("gzip", gzip.compress(TEXT, mtime=0) + b"more"),
        ("gzip", gzip.compress(TEXT, mtime=0) * 2),
    ],
)
async def test_broken_or_unasked_compression_is_malformed(
    peer: Peer, coding: str, body: bytes
) -> None:
    peer.says("/", body, Content_Encoding=coding)
    with pytest.raises(Malformed):
        await peer.http_client.get("http://away.example/", accept="*/*")


def drip(status: int = 200) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """A byte each 50 ms for ever: every single read is quick."""

    async def answer(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(status=status)
        await response.prepare(request)
        while True:
            await response.write(b"x")
            await asyncio.sleep(0.05)

    return answer


async def test_slow_drip_ends_at_the_deadline(peer: Peer) -> None:
    peer.answers["/"] = drip()
    loop = asyncio.get_running_loop()
    start = loop.time()
    with pytest.raises(Unreachable, match="took too long"):
        await peer.http_client.get("http://away.example/", accept="*/*", deadline=0.3)
    assert loop.time() - start > 0.25


async def test_slow_redirects_share_one_deadline(peer: Peer) -> None:
    async def slow(request: web.Request) -> web.Response:
        await asyncio.sleep(0.2)
        return web.Response(status=302, headers={"Location": f"{request.path}x"})

    peer.answers |= {"/": slow, "/x": slow, "/xx": slow, "/xxx": slow}
    with pytest.raises(Unreachable, match="took too long"):
        await peer.http_client.get("http://away.example/", accept="*/*", deadline=0.3)
    assert len(peer.requests) == 2


async def silent(_: web.Request) -> web.StreamResponse:
    await asyncio.Event().wait()
    raise AssertionError


async def only_a_head(request: web.Request) -> web.StreamResponse:
    await web.StreamResponse().prepare(request)
    return await silent(request)


@pytest.mark.parametrize("answer", [silent, only_a_head])
async def test_silent_host_is_waited_for_until_the_first_byte_is_due(
    peer: Peer, answer: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> None:
    """However long the whole may take, and whatever leads there."""
    peer.leads("/", "/on")
    peer.answers["/on"] = answer
    with pytest.raises(Unreachable, match="took too long"):
        async with asyncio.timeout(10):
            await peer.http_client.get(
                "http://away.example/", accept="*/*", deadline=60, first_byte=0.2
            )
    assert len(peer.requests) == 2


async def test_rest_of_an_answer_may_take_its_time(peer: Peer) -> None:
    async def slow(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(3):
            await response.write(b"x")
            await asyncio.sleep(0.2)
        return response

    peer.answers["/"] = slow
    peer.says("/empty")
    get = peer.http_client.get
    found = await get("http://away.example/", accept="*/*", first_byte=0.3)
    assert found.body == b"xxx"
    assert (await get("http://away.example/empty", accept="*/*", first_byte=0.3)).body == b""
