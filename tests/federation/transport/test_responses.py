"""What is made of an answer's type, status and headers (SECURITY C29)."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from multidict import CIMultiDict, CIMultiDictProxy

from federation.errors import (
    FederationError,
    Forbidden,
    Gone,
    Malformed,
    Missing,
    Unreachable,
)
from federation.transport.media_types import ACTIVITYSTREAMS
from federation.transport.responses import media_type, retry_after
from tests.support.peer import Peer, peer_and_door

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    async with peer_and_door() as peer:
        yield peer


LD, AS = "application/ld+json", ACTIVITYSTREAMS
TYPES = {
    "application/activity+json": True,
    "Application/Activity+JSON; charset=UTF-8": True,
    f'application/activity+json; profile="{AS}"': True,
    f'{LD}; profile="{AS}"': True,
    f'{LD}; charset=utf-8; profile="{AS}"': True,
    f'{LD};profile="https://w3id.org/security {AS}"': True,
    f"{LD}; profile={AS}": True,
    f'{LD}; PROFILE="{AS}"': True,
    LD: False,
    f'{LD}; profile="{AS}-not"': False,
    f'{LD}; profile="https://evil.org/?{AS}"': False,
    f'{LD}; profile="http://www.w3.org/ns/other"': False,
    f'{LD}; note="; profile={AS}"': False,
    f'{LD}; profile="other"; profile="{AS}"': False,
    "application/json": False,
    f'application/json; profile="{AS}"': False,
    "application/jrd+json": False,
    "application/octet-stream": False,
    "application/activity+json, text/html": False,
    "application/activity+jsonx": False,
    "text/html": False,
    "text/html; x=application/activity+json": False,
    "text/plain": False,
    "image/png": False,
    "": False,
    ";": False,
}


async def test_documents_have_activitypub_types(peer: Peer) -> None:
    for content_type, fits in TYPES.items():
        peer.says("/", b"{}", Content_Type=content_type)
        if fits:
            fetched = await peer.http_client.document("http://away.example/#x")
            assert (fetched.url, fetched.body) == ("http://away.example/", b"{}"), content_type
        else:
            with pytest.raises(Malformed):
                await peer.http_client.document("http://away.example/")
    assert peer.requests[0][2]["Accept"].startswith("application/activity+json")
    print(f"{len(TYPES)} cells")


async def test_redirected_document_is_of_its_final_url(peer: Peer) -> None:
    peer.leads("/1", "http://other.example/2")
    peer.says("/2", b"{}", Content_Type="application/activity+json")
    assert (
        await peer.http_client.document("http://away.example/1")
    ).url == "http://other.example/2"


async def test_webfinger_answers_may_be_called_anything_but_a_page(peer: Peer) -> None:
    for content_type in (
        "application/jrd+json",
        "application/json; charset=utf-8",
        "text/plain",
        "application/octet-stream",
        "text/json",
        "",
    ):
        peer.says("/", b"{}", Content_Type=content_type)
        assert (await peer.http_client.jrd("http://away.example/")).body == b"{}"
    for content_type in ("text/html", "text/html; charset=utf-8", "application/xhtml+xml"):
        peer.says("/", b"{}", Content_Type=content_type)
        with pytest.raises(Malformed):
            await peer.http_client.jrd("http://away.example/")


def test_content_type_that_is_sent_twice_is_none() -> None:
    headers = CIMultiDict([("Content-Type", "application/activity+json"), ("content-type", "a/b")])
    assert media_type(CIMultiDictProxy(headers)) == ("", {})


STATUSES: dict[type[FederationError], list[int]] = {
    Forbidden: [401, 403],
    Gone: [410],
    Malformed: [204, 206, 300, 304, 400, 406, 418],
    Missing: [404],
    Unreachable: [408, 425, 429, 500, 502, 503, 530],
}


async def test_statuses_have_their_meaning(peer: Peer) -> None:
    cells = [(status, error) for error, statuses in STATUSES.items() for status in statuses]
    for status, error in cells:
        peer.says("/", status=status, Content_Type="application/activity+json")
        with pytest.raises(error) as raised:
            await peer.http_client.document("http://away.example/")
        assert raised.type is error, status
        assert str(raised.value) == f"away.example answers with status {status}"
    print(f"{len(cells)} cells")


@pytest.mark.parametrize(
    ("value", "wait"),
    [
        (None, None),
        ("", None),
        ("soon", None),
        ("1.5", None),
        ("１２", None),
        ("120", timedelta(seconds=120)),
        (" 0 ", timedelta(0)),
        ("-5", timedelta(0)),
        ("86401", timedelta(hours=24)),
        ("999999999999", timedelta(hours=24)),
        ("9" * 5000, None),
        ("Fri, 01 May 2026 12:01:00 GMT", timedelta(seconds=60)),
        ("Friday, 01-May-26 12:01:00 GMT", timedelta(seconds=60)),
        ("Fri May  1 12:01:00 2026", timedelta(seconds=60)),
        ("Fri, 01 May 2026 11:00:00 GMT", timedelta(0)),
        ("Fri, 01 May 2036 12:00:00 GMT", timedelta(hours=24)),
        ("Fri, 99 May 2026 12:00:00 GMT", None),
        ("Fri, 01 May 99999999999 12:00:00 GMT", None),
    ],
)
def test_retry_after_is_read_in_both_forms(value: str | None, wait: timedelta | None) -> None:
    headers = CIMultiDictProxy(CIMultiDict({} if value is None else {"retry-after": value}))
    assert retry_after(headers, NOW) == wait
