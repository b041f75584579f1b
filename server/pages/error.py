"""Errors as pages: in sentences, in the reader's language, whatever else does not work."""

import logging
from dataclasses import replace
from datetime import datetime

from aiohttp import web

from server.http import auth
from server.http.app_keys import RATE_LIMIT_STATE
from server.http.auth import CURRENT_USER
from server.http.errors import SENTENCES
from server.pages import site
from server.pages.site import PageRequest, PageResponse
from server.pages.views import ErrorView, Frame
from storage.engine.errors import NotCommitted, Overloaded, TookTooLong
from storage.people.actors import Actor

log = logging.getLogger(__name__)

# What clients of the API read word for word says nothing to people (conventions.md, Errors).
_FOR_PROGRAMS = frozenset(
    (
        "Record not found",
        "The access token is invalid",
        "This action is not allowed",
        "This action is outside the authorized scopes",
        "This method requires an authenticated user",
    )
)
# Here the template knows better than the table: it has a time or a word.
_SAID_BY_US = (429, 500, 503)


async def page(
    request: web.Request, status: int, sentence: str, reference: str
) -> web.StreamResponse:
    """The page of an error (`server.http.app_keys.ERROR_PAGE`). Never raises."""
    page_request, frame = await _around(request)
    view = ErrorView(
        status=status,
        sentence=_worth_saying(status, sentence),
        reference=reference or None,
        retry_at=_retry_at(request) if status == 429 else None,
    )
    return site.answer(request, page_request, PageResponse("error", frame, view, status))


async def _around(request: web.Request) -> tuple[PageRequest, Frame]:
    """Find who asks and what surrounds the page; without the database it is a little less."""
    try:
        page_request = replace(site.page_request(request, await _me(request)), shared=False)
        return page_request, await site.frame_alone(request, page_request)
    except (NotCommitted, Overloaded, TookTooLong) as error:
        log.warning("an error page without the database: %s", error)
    except Exception:
        log.exception("an error page without the database")
    page_request = replace(site.page_request(request), shared=False)
    return page_request, site.bare_frame(page_request)


async def _me(request: web.Request) -> Actor | None:
    """User, also at addresses that are not in the table, where no guard has looked."""
    found = request[CURRENT_USER] if CURRENT_USER in request else await auth.by_cookie(request)
    return found.actor


def _worth_saying(status: int, sentence: str) -> str | None:
    """Sentence that the page says in place of the usual words; the usual ones are translated."""
    if status in _SAID_BY_US or sentence in _FOR_PROGRAMS or sentence == SENTENCES.get(status):
        return None
    return sentence or None


def _retry_at(request: web.Request) -> datetime | None:
    standing = request.get(RATE_LIMIT_STATE)
    return standing.reset if standing is not None else None
