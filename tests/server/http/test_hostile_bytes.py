"""Bytes that no client of ours would send, to every route of the table (SECURITY 39, 41, 74)."""

import asyncio
import gzip
import json
import re
import zlib
from collections.abc import Callable, Iterator, Sequence
from itertools import product
from pathlib import Path

import pytest

from server.http.guard import Route
from server.routes import ROUTES
from tests.server.access.test_oauth import Browser
from tests.server.test_route_table import address
from tests.support.servers import ALL, Place

BEYOND = "9999999999999999999"  # 19 digits, and more than SQLite's integers hold
BAD = b"\xff\xed\xa0\x80\xc3"  # no UTF-8: a stray byte, half of a pair, the beginning of a letter
LARGE = b"x" * 70_000

Kind = tuple[str, bytes, list[bytes], bytes]
"""(what it is, what comes after the path, lines of the head, body)."""


def part(*head: bytes, body: bytes = b"1") -> bytes:
    return b"--b\r\n" + b"\r\n".join(head) + b"\r\n\r\n" + body + b"\r\n--b--\r\n"


NAMED = b'Content-Disposition: form-data; name="status"'
MULTIPART = {
    "a header without a colon": part(b"no colon here", NAMED),
    "a header of 70 kB": part(NAMED, b"X-Long: " + LARGE),
    "a name that is no text": part(b'Content-Disposition: form-data; name="' + BAD + b'"'),
    "a header that is no text": part(NAMED, b"X-Bad: " + BAD),
    "a disposition that is none": part(b"Content-Disposition: (;;)"),
    "a parameter that is none": part(b"Content-Disposition: form-data; =; name=x; name*=y"),
    "no header at all": part(),
    "a thousand headers": part(NAMED, *[b"X: y"] * 1000),
    "a strange encoding": part(NAMED, b"Content-Transfer-Encoding: base64", body=b"*" * 5),
    "an unknown encoding": part(NAMED, b"Content-Transfer-Encoding: rot13"),
    "a packed part": part(NAMED, b"Content-Encoding: gzip"),
    "a length that is none": part(NAMED, b"Content-Length: soon"),
    "a length below nothing": part(NAMED, b"Content-Length: -1"),
    "a length that is too long": part(NAMED, b"Content-Length: 99999999999999999999"),
    "a long charset": part(b'Content-Disposition: form-data; name="_charset_"', body=LARGE[:99]),
    "a charset that is none": part(b'Content-Disposition: form-data; name="_charset_"', body=BAD),
    "parts within a part": part(NAMED, b"Content-Type: multipart/mixed; boundary=c"),
    "parts without a boundary": part(NAMED, b"Content-Type: multipart/mixed"),
    "a type that is none": part(NAMED, b"Content-Type: ;;;="),
    "no end": b"--b\r\n" + NAMED + b"\r\n\r\n1",
    "half a header": b"--b\r\nContent-Dispo",
    "another boundary": b"--c\r\n" + NAMED + b"\r\n\r\n1\r\n--c--\r\n",
    "a list where a text belongs": part(NAMED.replace(b"status", b"status[]")),
    "a file where a text belongs": part(NAMED + b'; filename="x"'),
    "text that is none": part(NAMED, body=BAD),
}
PACKED = {
    "gzip": gzip.compress(b"{}"),
    "deflate": zlib.compress(b"{}"),
    "br": b"\x0b\x02\x80{}\x03",
    "zstd": b"(\xb5/\xfd\x04X\x11\x00\x00{}",
}
READ = r"""\.(?:text|needed|flag|number|texts|ids|group|groups|upload|language)\(\s*"(\w+)\""""
FIELDS = sorted(
    {
        name
        for module in (Path(__file__).parents[3] / "server").rglob("*.py")
        for name in re.findall(READ, module.read_text())
    }
)
"""The name of every field that any of our handlers reads."""


def packed() -> Iterator[Kind]:
    for name, whole in PACKED.items():
        for what, body in (("none", b"\x00none" * 9), ("half", whole[:-3]), ("more", whole + b"x")):
            head = [f"Content-Encoding: {name}".encode(), b"Content-Type: application/json"]
            yield f"{name}: {what}", b"", head, body
    yield "chunks without sizes", b"", [b"Transfer-Encoding: chunked"], b"zz\r\n{}\r\n0\r\n\r\n"


def multiparts() -> Iterator[Kind]:
    for what, body in MULTIPART.items():
        yield what, b"", [b"Content-Type: multipart/form-data; boundary=b"], body
    for kind in (b"", b"; boundary=", b"; boundary=" + LARGE[:99], b"; boundary=" + BAD):
        yield f"boundary {kind!r}", b"", [b"Content-Type: multipart/form-data" + kind], part(NAMED)


def values() -> Iterator[Kind]:
    """Every field that any route knows, each as what it should not be."""
    json_ = [b"Content-Type: application/json"]
    wrong: Sequence[object] = (
        [1], {"a": [None]}, None, [None], [[1]], [{"a": {}}], True, 1e300, 10**18, "\0"
    )  # fmt: skip
    for value in wrong:
        yield f"json {value!r}"[:40], b"", json_, json.dumps(dict.fromkeys(FIELDS, value)).encode()
    for body in (b'{"status": "\\ud800"}', b'{"status": "' + BAD + b'"}', b"[" * 9999):
        yield f"json {body[:30]!r}", b"", json_, body
    form = [b"Content-Type: application/x-www-form-urlencoded"]
    two_ways = b"status[]=1&status[a]=1&status=1&id=1&id[]=1"
    for body in (BAD + b"=" + BAD, two_ways, b"%ff=%00"):
        yield f"form {body[:20]!r}", b"", form, body
    yield "a type that is none", b"", [b"Content-Type: " + BAD], b"x"
    yield "a charset that is none", b"", [json_[0] + b"; charset=" + BAD], b"{}"


def addresses() -> Iterator[Kind]:
    beyond = BEYOND.encode()
    names = (b"max_id", b"since_id", b"min_id", b"limit", b"offset", b"account_id", b"before")
    everything = b"&".join(name.encode() + b"=" + BAD for name in FIELDS)
    for what, after in (
        ("numbers beyond", b"?" + b"&".join(name + b"=" + beyond for name in names)),
        ("ids beyond", b"?id[]=" + beyond + b"&id[]=" + beyond[:-1] + b"&q=x"),
        ("a query that is no text", b"?" + everything + b"&access_token=" + BAD),
        ("the same, spelt out", b"?" + everything.replace(BAD, b"%FF%ED%A0%80%00")),
        ("a path that is no text", BAD),
        ("brackets", b"?q[]=1&q[a]=2&q=3&id[][]=4&[=5&]=6&limit[]=7&status[[[]]]=8"),
    ):
        yield what, after, [], b""


HEADERS = (
    b"Authorization", b"Cookie", b"User-Agent", b"Idempotency-Key", b"Accept", b"Accept-Language",
    b"X-Forwarded-For", b"Signature", b"Date", b"Digest", b"If-None-Match", b"Range", b"Host",
    b"Access-Control-Request-Headers", b"Origin", b"Content-Length", b"Transfer-Encoding",
    b"Expect", b"Connection", b"Upgrade", b"X-Request-Id",
)  # fmt: skip


def heads() -> Iterator[Kind]:
    for name in HEADERS:
        yield f"{name.decode()} that is no text", b"", [name + b": " + BAD], b""
    for value in (b"Bearer " + BAD, b"Basic " + BAD, b"Basic /w==", b"Bearer"):
        yield f"{value!r}", b"", [b"Authorization: " + value], b""
    cookies = b"kith=" + BAD + b"; kith-visitor=" + BAD + b"; =; kith"
    yield "cookies that are no text", b"", [b"Cookie: " + cookies], b""
    form = [b"Content-Type: application/x-www-form-urlencoded"]
    yield "a visitor that is no text", b"", [b"Cookie: kith-visitor=" + BAD, *form], b"csrf=x"


async def send(place: Place, head: list[bytes], body: bytes) -> int:
    """One request as bytes; the status of the answer, or 0 when there was none."""
    reader, writer = await asyncio.open_connection("127.0.0.1", place.client.port)
    try:
        writer.write(b"\r\n".join([*head, b"Connection: close", b"", body]))
        answer = await reader.read()
    except ConnectionError:
        return 0
    finally:
        writer.close()
    assert answer.count(b"HTTP/1.1 ") <= 1, answer[:500]
    return int(answer.split(b" ", 2)[1]) if answer else 0


async def status_of(place: Place, route: Route, kind: Kind, usual: dict[bytes, bytes]) -> int:
    _, after, given, body = kind
    own = {line.partition(b":")[0] for line in given}
    head = [
        f"{route.method} {address(route)}".encode() + after + b" HTTP/1.1",
        *lines({name: value for name, value in usual.items() if name not in own}),
        *given,
    ]
    if body and not own & {b"Content-Length", b"Transfer-Encoding"}:
        head.append(b"Content-Length: %d" % len(body))
    return await send(place, head, body)


def lines(head: dict[bytes, bytes]) -> list[bytes]:
    return [name + b": " + value for name, value in head.items()]


async def usual_of(place: Place) -> dict[bytes, bytes]:
    """What lets a request through to every handler: an admin's token, and their browser."""
    alice = await place.person("alice", role="admin", scopes=f"{ALL} admin:read admin:write")
    browser = Browser(place)
    await browser.log_in("alice")
    return {
        b"Host": b"home.example",
        b"Authorization": b"Bearer " + alice.token.encode(),
        b"Cookie": "; ".join(f"{name}={value}" for name, value in browser.cookies.items()).encode(),
    }


@pytest.mark.parametrize("kinds", [addresses, heads, packed, multiparts, values])
async def test_hostile_bytes_make_no_500(
    place: Place, kinds: Callable[[], Iterator[Kind]], caplog: pytest.LogCaptureFixture
) -> None:
    usual = await usual_of(place)
    wrong, cells = [], 0
    for route, kind in product(ROUTES, kinds()):
        status = await status_of(place, route, kind, usual)
        faults = [one for one in caplog.records if one.name == "server.http.errors"]
        if faults or not 200 <= status < 500:
            wrong.append((route.method, route.path, kind[0], status))
            caplog.clear()
        cells += 1
    print(f"{cells} hostile requests, with {len(FIELDS)} fields")
    assert wrong == []
    assert len(FIELDS) > 50
    for path in (b"/api/v1/preferences", b"/settings"):  # they came as somebody to the end
        assert await send(place, [b"GET " + path + b" HTTP/1.1", *lines(usual)], b"") == 200


@pytest.mark.parametrize("id_", [BEYOND, str(2**63)])
async def test_number_with_too_many_digits_is_not_there(place: Place, id_: str) -> None:
    """Answer as for any number that nothing has: where one would act on it, or would see it."""
    usual = await usual_of(place)
    tried = 0
    for route in ROUTES:
        if "{id" in route.path and not route.csrf and route.method == "GET":
            there = address(route).replace("999", id_).encode()
            status = await send(place, [b"GET " + there + b" HTTP/1.1", *lines(usual)], b"")
            assert status == 404, route.path
            tried += 1
    assert tried > 10


async def test_numbers_that_nothing_can_have_are_left_out(place: Place) -> None:
    alice, bob = await place.person("alice"), await place.person("bob")
    said = await bob.say("Leeks.")
    for path, id_ in (
        ("/api/v1/accounts/relationships", bob.id),
        ("/api/v1/accounts", bob.id),
        ("/api/v1/statuses", said["id"]),
    ):
        numbers = [("id[]", one) for one in (BEYOND, str(2**63), id_, "9" * 40)]
        found = await alice.call("GET", path, params=numbers)
        assert [one["id"] for one in found] == [id_], path
