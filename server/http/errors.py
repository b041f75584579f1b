"""Errors as answers: one table, one middleware."""

import logging
from collections.abc import Mapping
from typing import Any

from aiohttp import web
from aiohttp.typedefs import Handler

from federation.activity import Unknown, Unwanted
from federation.errors import (
    Busy,
    FederationError,
    Forbidden,
    Gone,
    Malformed,
    Missing,
    TooLarge,
    Unauthenticated,
    Unreachable,
)
from server.http.app_keys import ERROR_PAGE
from server.http.parsing import header
from server.refusals import NOT_THERE, CannotDecide, Invalid, NotAllowed, NotThere, Refusal
from storage.engine import ids
from storage.engine.errors import Conflict, NotCommitted, Overloaded, TookTooLong

log = logging.getLogger(__name__)

STATUS: dict[type[Exception], int] = {
    TooLarge: 413,
    Malformed: 400,
    Unauthenticated: 401,
    Forbidden: 403,
    Unwanted: 403,
    Missing: 404,
    Unknown: 404,
    Gone: 410,
    Unreachable: 503,
    Busy: 503,
    Conflict: 422,
    NotCommitted: 503,
    Overloaded: 503,
    TookTooLong: 503,
}

REFUSALS: dict[type[Refusal], int] = {Invalid: 422, NotAllowed: 403, NotThere: 404}

SENTENCES = {
    400: "That could not be read as it was sent.",
    401: "The access token is invalid",
    403: "This is not allowed.",
    404: "There is nothing at this door.",
    405: "That cannot be done at this address.",
    410: "This was taken down.",
    413: "That is larger than we can take.",
    422: "That was understood, but not done.",
    429: "That was a lot at once. Nothing is lost; try again a little later.",
    500: "That was us, not you. Nothing was changed.",
    507: "There is no room left on this server for that. Nothing was changed.",
    503: "There is more going on here than we can take right now. Nothing was changed; please try"
    " again in a minute.",
}

_WORDS = (
    "apple ash basil bean beech birch bramble broom cherry clover dill elder fern fig flax hazel"
    " heather holly iris ivy larch leek linden maple mint moss nettle oak pear plum quince reed"
    " rose rowan rye sage thyme tulip vetch willow yarrow yew"
).split()


class Refused(Exception):
    """A handler says no. `sentence` is what people read; `body` what programs read besides."""

    def __init__(
        self,
        status: int,
        sentence: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: Mapping[str, Any] | None = None,
    ) -> None:
        super().__init__(sentence)
        self.status = status
        self.sentence = sentence
        self.headers = dict(headers or {})
        self.body = dict(body or {})


def not_found() -> Refused:
    """The same words for what is hidden and for what is not there (SECURITY 77)."""
    return Refused(404, NOT_THERE)


def no_door() -> Refused:
    """Answer for a path at which there is nothing, as where no route fits."""
    return Refused(404, SENTENCES[404])


def unprocessable(sentence: str, **body: Any) -> Refused:
    return Refused(422, sentence, body=body)


def reference() -> str:
    """A word and a number by which people tell us which fault they mean: `pear-4471`."""
    number = int(ids.fraction() * 9000) + 1000
    return f"{ids.word(tuple(_WORDS))}-{number}"


def refusal_of(error: Exception) -> Refused:
    """Refusal that an error means to who asked. What we did not foresee is a 500, and logged."""
    if isinstance(error, Refused):
        return error
    if isinstance(error, Refusal):
        return Refused(REFUSALS[type(error)], error.sentence, body=error.details)
    if isinstance(error, CannotDecide):
        return not_found() if error.missing else unprocessable(str(error))
    if isinstance(error, web.HTTPException):
        sentence = SENTENCES.get(error.status, error.reason)
        kept = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
        return Refused(error.status, sentence, headers=kept)
    if isinstance(error, NotCommitted) and error.no_room:
        return _to_refusal(error, 507)
    for type_, status in STATUS.items():
        if isinstance(error, type_):
            return _to_refusal(error, status)
    mark = reference()
    log.error("fault %s", mark, exc_info=error)
    return Refused(500, f"{SENTENCES[500]} If it goes on, tell us this: {mark}", body={"ref": mark})


def _to_refusal(error: Exception, status: int) -> Refused:
    headers = {"Retry-After": "30"} if status in (503, 507) else {}
    own_words = isinstance(error, FederationError | TookTooLong) and str(error)
    return Refused(status, str(error) if own_words else SENTENCES[status], headers=headers)


@web.middleware
async def errors_to_answers(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        return await handler(request)
    except web.HTTPRedirection:
        raise
    except Exception as error:
        if isinstance(error, web.HTTPException) and error.status < 400:
            raise
        refusal = refusal_of(error)
    if for_people(request):
        page = request.app[ERROR_PAGE]
        response = await page(
            request, refusal.status, refusal.sentence, str(refusal.body.get("ref", ""))
        )
    else:
        response = web.json_response(
            {"error": refusal.sentence, **refusal.body}, status=refusal.status
        )
    response.headers.update(refusal.headers)
    if request.content.exception() is not None:
        response.force_close()  # where the next request begins cannot be told from a broken body
    return response


def for_people(request: web.Request) -> bool:
    """Whether a page is expected: a browser that is not calling the API."""
    if request.path.startswith(
        ("/api/", "/oauth/token", "/oauth/revoke", "/inbox", "/nodeinfo", "/media/")
    ):
        return False
    return "text/html" in header(request, "Accept")
