"""Parts of long lists as clients ask for them, and the Link header by which they go on."""

from collections.abc import Sequence
from typing import Any

from aiohttp import web

from server.http.app_keys import SETTINGS
from server.http.responses import answer
from storage.engine.pagination import Page

_OURS = ("max_id", "since_id", "min_id", "access_token", "bearer_token")


def page_of(request: web.Request, usual: int = 20, most: int = 40) -> Page:
    """Clamp `limit`; a cursor that is no number of ours is as if it were not there."""
    limit = _number(request, "limit")
    return Page(
        limit=min(abs(limit), most) if limit else usual,
        max_id=_number(request, "max_id"),
        since_id=_number(request, "since_id"),
        min_id=_number(request, "min_id"),
    )


def _number(request: web.Request, name: str) -> int | None:
    value = request.query.get(name, "")
    text = value.removeprefix("-") if name == "limit" else value
    return int(value) if text.isdecimal() and text.isascii() and len(text) < 19 else None


def answer_with_links(
    request: web.Request,
    body: Any,
    cursors: Sequence[int],
    page: Page,
    *,
    previous: str = "min_id",
    always_next: bool = True,
) -> web.Response:
    """Answer with `next` and `prev` (mastodon-api/conventions.md, Pagination)."""
    response = answer(body)
    links = []
    if cursors and (always_next or len(cursors) >= page.limit):
        links.append(f'<{_address(request, "max_id", min(cursors))}>; rel="next"')
    if cursors:
        links.append(f'<{_address(request, previous, max(cursors))}>; rel="prev"')
    if links:
        response.headers["Link"] = ", ".join(links)
    return response


def _address(request: web.Request, name: str, cursor: int) -> str:
    kept = [(key, value) for key, value in request.query.items() if key not in _OURS]
    url = request.rel_url.with_query([*kept, (name, str(cursor))])
    return f"{request.app[SETTINGS].web_origin}{url}"


def answer_with_offset_links(
    request: web.Request, body: Any, offset: int, count: int | None = None
) -> web.Response:
    """Answer with `next`; `count` says how many there are in what is no list."""
    response = answer(body)
    many = len(body) if count is None else count
    if many:
        kept = [(key, value) for key, value in request.query.items() if key != "offset"]
        url = request.rel_url.with_query([*kept, ("offset", str(offset + many))])
        response.headers["Link"] = f'<{request.app[SETTINGS].web_origin}{url}>; rel="next"'
    return response
