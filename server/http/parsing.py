"""Parts of a request, as text and numbers that can be kept, compared and sent on.

Bytes of a head that are no UTF-8 reach us as lone surrogates (PEP 383), which can be neither hashed
nor stored nor sent; digits may name more than SQLite's integers hold.
"""

import asyncio
import re
from collections.abc import Sequence
from ipaddress import IPv6Address, ip_address

from aiohttp import web

from storage.engine.pagination import HIGHEST

DIGITS = len(str(HIGHEST))
LARGE = 1 << 20  # from which on bytes.join lets go of Python's lock

# What decides who asks, for whom, or how the body is read: of two lines a proxy before us may
# believe the one and we the other (RFC 9110 §5.3, RFC 6265 §5.4).
SINGLE = ("Authorization", "Content-Length", "Content-Type", "Cookie", "Host", "Idempotency-Key")

_WITH_PORT = re.compile(r"\[([^\[\]]+)\](?::[0-9]{1,5})?|([0-9.]+):[0-9]{1,5}")


def header(request: web.Request, name: str, otherwise: str = "") -> str:
    """A header as clean text: bytes that are none are spelt out, so that two never become one.

    Several lines are one list, in their order (RFC 9110 §5.3).
    """
    return _clean(", ".join(request.headers.getall(name, [otherwise])))


def find_duplicate(request: web.Request) -> str | None:
    """The first of SINGLE that stands in more than one line."""
    return next((name for name in SINGLE if len(request.headers.getall(name, ())) > 1), None)


def address_in(hop: str) -> str:
    """The address that a proxy wrote, bare: no port, no brackets, IPv4 as such; empty if none."""
    text = hop.strip().strip('"')
    if found := _WITH_PORT.fullmatch(text):
        text = found[1] or found[2]
    try:
        address = ip_address(text)
    except ValueError:
        return ""
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def cookie(request: web.Request, name: str) -> str:
    """A cookie as clean text; empty where there is none."""
    return _clean(request.cookies.get(name, ""))


def _clean(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


async def join(chunks: Sequence[bytes]) -> bytes:
    """Join many pieces; many bytes beside the loop, for a thread that copies lets others run."""
    if sum(map(len, chunks)) < LARGE:
        return b"".join(chunks)
    return await asyncio.to_thread(b"".join, chunks)


def id_of(text: str) -> int | None:
    """The number of something of ours as it stands in addresses and forms; None: nothing has it."""
    if not (text.isdecimal() and text.isascii() and len(text) <= DIGITS):
        return None
    number = int(text)
    return number if number <= HIGHEST else None
