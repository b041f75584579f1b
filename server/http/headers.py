"""Headers that every answer carries: CORS, rate limits, policy, the request's number."""

from aiohttp import web
from aiohttp.typedefs import Handler
from multidict import CIMultiDict

from server.http.app_keys import RATE_LIMIT_STATE, REQUEST_ID, SCRIPT, SETTINGS
from server.http.auth import bearer_of
from server.http.guard import API, PAGES, ROUTE, Access
from server.http.parsing import header
from server.http.peer_access import PRIVATE, VARY, is_signed
from storage.engine import ids

METHODS = "POST, PUT, DELETE, GET, PATCH, OPTIONS"
EXPOSED = (
    "Link, Mastodon-Async-Refresh, X-RateLimit-Reset, X-RateLimit-Limit, X-RateLimit-Remaining,"
    " X-Request-Id"
)
PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none';"
    " frame-ancestors 'none'"
)
SCRIPT_POLICY = f"{PAGE_POLICY}; script-src 'self'"
OF_PAGES = "Accept, Accept-Language, Cookie, Signature"
API_POLICY = "default-src 'none'; frame-ancestors 'none'"


async def decorate(request: web.Request, response: web.StreamResponse) -> None:
    """Runs before the headers go out (on_response_prepare), for errors as for everything."""
    headers = response.headers
    headers["X-Request-Id"] = request_id(request)
    headers["Server"] = "Kith"
    headers["X-Content-Type-Options"] = "nosniff"
    headers.setdefault("Referrer-Policy", "same-origin")
    html = response.content_type == "text/html"
    page_policy = SCRIPT_POLICY if request.get(SCRIPT) else PAGE_POLICY
    headers.setdefault("Content-Security-Policy", page_policy if html else API_POLICY)
    if request.app[SETTINGS].secure_cookies:
        headers.setdefault("Strict-Transport-Security", "max-age=31536000")
    _say_who_may_keep_it(request, headers)
    if is_open(request.path):
        _allow_other_origins(response)
    limit = request.get(RATE_LIMIT_STATE)
    if limit is not None and request.path.startswith("/api/"):
        headers["X-RateLimit-Limit"] = str(limit.limit)
        headers["X-RateLimit-Remaining"] = str(limit.remaining)
        reset = limit.reset.isoformat(timespec="microseconds")
        headers["X-RateLimit-Reset"] = reset.replace("+00:00", "Z")


def _say_who_may_keep_it(request: web.Request, headers: CIMultiDict[str]) -> None:
    """Forbid caches to keep what hangs on who asks, errors as all else (SECURITY 31, 77, 78)."""
    route = request.get(ROUTE)
    who = route.access if route is not None else None
    if who is Access.PEER or who in PAGES:
        headers.setdefault("Cache-Control", PRIVATE)
        headers.setdefault("Vary", VARY if who is Access.PEER else OF_PAGES)
    if is_open(request.path):
        headers.setdefault("Vary", "Authorization, Origin")
    if is_signed(request) or (who in API and bearer_of(request) is not None):
        headers["Cache-Control"] = PRIVATE


def request_id(request: web.Request) -> str:
    if REQUEST_ID not in request:
        request[REQUEST_ID] = ids.secret(9)
    return request[REQUEST_ID]


def is_open(path: str) -> bool:
    """Whether scripts of other sites may read the answer (conventions.md, CORS)."""
    return path.startswith(
        (
            "/api/",
            "/oauth/token",
            "/oauth/revoke",
            "/oauth/userinfo",
            "/.well-known/",
            "/nodeinfo/",
            "/media/",
            "/static/",
            "/@",
            "/actors/",
            "/posts/",
        )
    )


def _allow_other_origins(response: web.StreamResponse) -> None:
    response.headers["Access-Control-Allow-Origin"] = "*"
    response.headers["Access-Control-Expose-Headers"] = EXPOSED


@web.middleware
async def preflights(request: web.Request, handler: Handler) -> web.StreamResponse:
    """A browser asks whether it may ask: answered for every address, known or not."""
    if request.method == "OPTIONS" and is_open(request.path):
        return _preflight(request)
    return await handler(request)


def _preflight(request: web.Request) -> web.Response:
    """Answered without a token; any header may be sent."""
    wanted = header(request, "Access-Control-Request-Headers", "*")
    return web.Response(
        status=204,
        headers={
            "Access-Control-Allow-Methods": METHODS,
            "Access-Control-Allow-Headers": wanted,
            "Access-Control-Max-Age": "86400",
        },
    )
