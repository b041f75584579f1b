"""Which address a caller has, and what a header counts that stands there twice (SECURITY 4, 72)."""

import ast
import asyncio
from pathlib import Path

import pytest
from multidict import CIMultiDict

import server
from server.http.parsing import SINGLE, address_in
from storage.access import signup_blocks
from storage.access.signup_blocks import NetworkBlock
from storage.engine.transaction import Writer
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Place, serving

CALLER = "198.51.100.7"
FORGED = "203.0.113.9"
BEHIND = {"trusted_proxies": "127.0.0.0/8, 10.0.0.0/8"}


def keep_out(writer: Writer, network: str) -> None:
    block = NetworkBlock(writer.new_id(), network, "no_access", "", writer.now, None)
    signup_blocks.put_network(writer, block)


async def is_kept_out(place: Place, *lines: str) -> bool:
    headers = CIMultiDict([("X-Forwarded-For", line) for line in lines])
    async with place.client.get("/api/v1/instance/rules", headers=headers) as answer:
        assert answer.status in (200, 403)
        return answer.status == 403


@pytest.mark.parametrize(
    ("lines", "address"),
    [
        ((FORGED, CALLER), CALLER),
        ((FORGED, FORGED, CALLER), CALLER),
        ((f"{FORGED}, {FORGED}", CALLER), CALLER),
        ((FORGED, f"{CALLER}, 10.1.2.3"), CALLER),
        ((FORGED, CALLER, "10.1.2.3"), CALLER),
        ((f"{FORGED},,{CALLER}, ,",), CALLER),
        ((FORGED, "", f" {CALLER} ", " ,"), CALLER),
        ((FORGED, f"::ffff:{CALLER}"), CALLER),
        ((FORGED, f"{CALLER}:1001"), CALLER),
        ((FORGED, f"[::ffff:{CALLER}]:1001"), CALLER),
        ((FORGED, "[2001:db8::1]:1001"), "2001:db8::1"),
        ((FORGED, "2001:db8::1, ::ffff:10.0.0.1"), "2001:db8::1"),
        ((FORGED, "unknown"), "127.0.0.1"),
        ((FORGED, "198.51.100.7:port"), "127.0.0.1"),
        ((FORGED, "_hidden, 10.1.2.3"), "10.1.2.3"),
        ((), "127.0.0.1"),
        ((" , ",), "127.0.0.1"),
    ],
)
async def test_nearest_trusted_proxy_is_believed_and_nothing_before_it(
    tmp_path: Path, watch: Watch, lines: tuple[str, ...], address: str
) -> None:
    async with serving(tmp_path / "a", "home.example", Internet(), watch, **BEHIND) as place:
        await place.database.write(keep_out, f"{FORGED}/32")
        assert not await is_kept_out(place, *lines)
        await place.database.write(keep_out, address)
        assert await is_kept_out(place, *lines)


@pytest.mark.parametrize("name", ["Forwarded", "X-Real-IP", "X-Forwarded-Host", "X-Client-IP"])
async def test_headers_beside_do_not_say_who_asks(tmp_path: Path, watch: Watch, name: str) -> None:
    async with serving(tmp_path / "a", "home.example", Internet(), watch, **BEHIND) as place:
        await place.database.write(keep_out, f"{FORGED}/32")
        headers = {name: f"for={FORGED}" if name == "Forwarded" else FORGED}
        async with place.client.get("/api/v1/instance/rules", headers=headers) as answer:
            assert answer.status == 200


@pytest.mark.parametrize(
    ("hop", "address"),
    [
        ("192.0.2.1", "192.0.2.1"),
        ('"[2001:DB8::1]:80"', "2001:db8::1"),
        ("[2001:db8::1]", "2001:db8::1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
        *((bad, "") for bad in ("", "unix:", "192.0.2", "192.0.2.1:", "[::1", "1.2.3.4:5:6")),
    ],
)
def test_hop_is_read_in_the_forms_that_proxies_write(hop: str, address: str) -> None:
    assert address_in(hop) == address


async def raw(place: Place, head: str, lines: list[str]) -> str:
    """What comes back for a request to the byte: the client library sends one Host only."""
    reader, writer = await asyncio.open_connection("127.0.0.1", place.client.port)
    writer.write("\r\n".join([head, *lines, "Connection: close", "", "{}"]).encode())
    said = (await reader.read()).decode()
    writer.close()
    return said


@pytest.mark.parametrize("name", sorted(set(SINGLE) - {"Content-Length"}))
async def test_deciding_header_that_stands_there_twice_decides_nothing(
    place: Place, name: str
) -> None:
    """A proxy may have looked at the other line."""
    alice = await place.person("alice")
    lines = [
        f"Authorization: Bearer {alice.token}",
        "Host: home.example",
        "Content-Type: application/json",
        "Content-Length: 2",
        "Cookie: a=b",
        "Idempotency-Key: one",
    ]
    again = [line for line in lines if line.startswith(name)]
    for head in ("POST /api/v1/statuses HTTP/1.1", "POST /inbox HTTP/1.1", "GET /login HTTP/1.1"):
        assert " 400 " not in (await raw(place, head, lines)).split("\r\n")[0], head
        said = await raw(place, head, lines + again)
        assert " 400 " in said.split("\r\n")[0] and name in said, said


async def test_head_refuses_before_the_body_comes(place: Place) -> None:
    """Heads without signature, or too long: neither waits for a mebibyte that may drip."""
    for path, length, status in (("/inbox", 1 << 20, 401), ("/inbox", (1 << 20) + 1, 413)):
        reader, writer = await asyncio.open_connection("127.0.0.1", place.client.port)
        lines = [f"POST {path} HTTP/1.1", "Host: home.example", f"Content-Length: {length}"]
        writer.write("\r\n".join([*lines, "", "{"]).encode())
        said = await asyncio.wait_for(reader.readline(), 5)
        assert f" {status} " in said.decode()
        writer.close()


async def test_accept_is_read_from_all_lines(place: Place) -> None:
    alice = await place.person("alice")
    headers = CIMultiDict([("Accept", "image/png"), ("Accept", "application/activity+json")])
    path = f"/@{alice.actor.name}"
    async with place.client.get(path, headers=headers, allow_redirects=False) as answer:
        assert answer.content_type != "text/html"


def test_headers_are_not_read_by_their_first_line_only() -> None:
    """Headers of requests are all read through server.http.parsing."""
    first = {f"request.{name}" for name in ("headers.get", "headers.getone", "host", "scheme")}
    said = [
        (path.name, ast.unparse(node))
        for path in Path(server.__file__).parent.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Attribute)
    ]
    assert [one for one in said if one[1] in first] == []
