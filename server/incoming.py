"""What came in with a request, as text and numbers that can be kept, compared and sent on.

Bytes of a head that are no UTF-8 reach us as lone surrogates (PEP 383), which can be neither hashed
nor stored nor sent; digits may name more than SQLite's integers hold.
"""

from aiohttp import web

from storage.paging import HIGHEST

DIGITS = len(str(HIGHEST))


def header(request: web.Request, name: str, otherwise: str = "") -> str:
    """A header as clean text: bytes that are none are spelt out, so that two never become one."""
    return _clean(request.headers.get(name, otherwise))


def cookie(request: web.Request, name: str) -> str:
    """A cookie as clean text; empty where there is none."""
    return _clean(request.cookies.get(name, ""))


def _clean(text: str) -> str:
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def id_of(text: str) -> int | None:
    """The number of something of ours as it stands in addresses and forms; None: nothing has it."""
    if not (text.isdecimal() and text.isascii() and len(text) <= DIGITS):
        return None
    number = int(text)
    return number if number <= HIGHEST else None
