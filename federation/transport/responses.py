"""Answers of other servers, and how to read them; pure, the network is in `http_client`."""

import re
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

from multidict import CIMultiDictProxy

from federation.errors import (
    FederationError,
    Forbidden,
    Gone,
    IsPage,
    Malformed,
    Missing,
    Unreachable,
)
from federation.transport import media_types
from federation.transport.media_types import MediaType, parse_media_type
from federation.transport.urls import host_of

MAXIMUM_WAIT = timedelta(hours=24)


@dataclass(frozen=True, slots=True)
class Answer:
    """Answer of a server; `url` is the one that answered, in canonical form."""

    status: int
    url: str
    content_type: str
    parameters: Mapping[str, str]
    headers: CIMultiDictProxy[str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Fetched:
    """A document with the URL that it came from: the only origin that it can speak for."""

    url: str
    body: bytes


def media_type(headers: CIMultiDictProxy[str]) -> MediaType:
    """Content type with its parameters; empty when absent or sent twice."""
    values = headers.getall("Content-Type", [])
    return parse_media_type(values[0] if len(values) == 1 else None)


def is_activity(answer: Answer) -> bool:
    """Whether it may be read as ActivityPub (SECURITY C29)."""
    return media_types.is_activity(MediaType(answer.content_type, dict(answer.parameters)))


_REFUSALS: Mapping[int, type[FederationError]] = {
    401: Forbidden,
    403: Forbidden,
    404: Missing,
    408: Unreachable,
    410: Gone,
    425: Unreachable,
    429: Unreachable,
}


def document_in(answer: Answer, fits: bool) -> Fetched:
    """Give the document, or raise what its status or content type means."""
    if answer.status != 200:
        otherwise = Unreachable if answer.status >= 500 else Malformed
        refusal = _REFUSALS.get(answer.status, otherwise)
        raise refusal(f"{host_of(answer.url)} answers with status {answer.status}")
    if not fits and media_types.is_html(answer.content_type):
        raise IsPage(f"{host_of(answer.url)} answers with a page", answer.url, answer.body)
    if not fits:
        raise Malformed(f"{host_of(answer.url)} answers with a different kind of document")
    return Fetched(answer.url, answer.body)


def retry_after(headers: Mapping[str, str], now: datetime) -> timedelta | None:
    """Time that the answer asks us to wait (RFC 9110 §10.2.3): from nothing to 24 hours."""
    value = headers.get("Retry-After", "").strip()
    wait = _seconds(value) if re.fullmatch(r"-?[0-9]{1,12}", value) else _until(value, now)
    return None if wait is None else min(max(wait, timedelta()), MAXIMUM_WAIT)


def _seconds(value: str) -> timedelta:
    return timedelta(seconds=min(int(value), 10**6))


def _until(value: str, now: datetime) -> timedelta | None:
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, OverflowError):
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now


class Inflater:
    """Content-Encoding undone, never giving more than was asked for (SECURITY E40)."""

    def __init__(self, encoding: str) -> None:
        if encoding not in ("", "identity", "gzip", "x-gzip", "deflate"):
            raise Malformed("the answer is compressed in a way that we did not ask for")
        self._inflate = zlib.decompressobj(zlib.MAX_WBITS | 16) if "gzip" in encoding else None
        self._plain = encoding in ("", "identity")

    def feed(self, data: bytes, room: int) -> bytes:
        """Take at most `room` bytes (at least 1) of what `data` holds."""
        if self._plain:
            return data[:room]
        if self._inflate is None:
            self._inflate = zlib.decompressobj(_deflate_window(data))
        try:
            inflated = self._inflate.decompress(data, room)
        except zlib.error:
            raise Malformed("the answer's compression is broken") from None
        if self._inflate.unused_data:
            raise Malformed("the answer goes on after its compressed part")
        return inflated

    def finish(self, received: int) -> None:
        """Refuse an answer that ends in the middle."""
        if received and self._inflate is not None and not self._inflate.eof:
            raise Malformed("the answer's compression ends too early")


def _deflate_window(start: bytes) -> int:
    """Tell zlib's wrapping (RFC 9110 §8.4.1.2) from the bare stream that some servers send."""
    wrapped = len(start) >= 2 and start[0] & 0x0F == 8 and (start[0] << 8 | start[1]) % 31 == 0
    return zlib.MAX_WBITS if wrapped else -zlib.MAX_WBITS
