"""Guard of routes: the words that declare one beside its handler, and the guard itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Protocol
from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler

from server.access import scopes
from server.http import auth
from server.http.allowances import READS
from server.http.app_keys import BODY_LIMIT, LIMITS, RATE_LIMIT_STATE
from server.http.auth import CURRENT_USER, CurrentUser, ensure_csrf, ensure_welcome
from server.http.bodies import BODIES
from server.http.errors import Refused, no_door, not_found
from server.http.forms import form_of
from server.http.ip_blocks import IP_BLOCKS
from server.http.parsing import find_duplicate, id_of
from server.http.peer_access import ForPeers
from server.http.rate_limits import RateLimitState, address_key

API_BODY = 64 * 1024
FORM_BODY = 64 * 1024


class Access(Enum):
    """Access to a route: who may call."""

    ANYBODY = "anybody"  # no token is read
    PUBLIC = "public"  # a token adds what its owner may see
    APP = "app"  # any valid token
    MEMBER = "member"  # a member's token
    ADMIN = "admin"  # the token of somebody who is an admin now, whatever they were
    VISITOR = "visitor"  # a page; a session adds to it
    LOGGED_IN = "logged in"  # a page for members
    STEWARD = "steward"  # a page for those who look after the place, by their role now
    PEER = "peer"  # another server; signatures are checked by ForPeers, and by the inbox


API = (Access.PUBLIC, Access.APP, Access.MEMBER, Access.ADMIN)
PAGES = (Access.VISITOR, Access.LOGGED_IN, Access.STEWARD)
MODERATORS = (Access.ADMIN, Access.STEWARD)
NUMBERS = ("id", "below", "quoting_id")  # in a path: numbers of things of ours


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Line of the table. `scopes`: one of them is enough. `limits` are names in LIMITERS.

    `guessed`: something is guessed there, so the handler counts whose guess it is (pages.guessing).
    """

    method: str
    path: str
    handler: Handler
    access: Access
    scopes: tuple[str, ...] = ()
    limits: tuple[str, ...] = ()
    body: int = API_BODY
    csrf: bool = False
    guessed: bool = False

    def __post_init__(self) -> None:
        """An admin's scope and an admin's role go together: neither opens a door by itself.

        Nor is a document answered without asking for whom.
        """
        admins = [scopes.is_admins(scope) for scope in self.scopes]
        fits = all(admins) and admins if self.access is Access.ADMIN else not any(admins)
        if not fits:
            raise ValueError(f"{self.path}: admin scopes and Who.ADMIN need each other")
        reads = self.method == "GET" and self.access is Access.PEER
        if reads and not isinstance(self.handler, ForPeers):
            raise ValueError(
                f"{self.path}: a document is made for somebody (server.http.peer_access)"
            )


def _declare(method: str) -> "Declare":
    def declare(
        path: str,
        handler: Handler,
        access: Access,
        *scopes: str,
        limits: tuple[str, ...] = ("api",),
    ) -> Route:
        return Route(
            method=method, path=path, handler=handler, access=access, scopes=scopes, limits=limits
        )

    return declare


class Declare(Protocol):
    """A line of the table for the API."""

    def __call__(
        self,
        path: str,
        handler: Handler,
        access: Access,
        *scopes: str,
        limits: tuple[str, ...] = ("api",),
    ) -> Route: ...


ROUTE = web.RequestKey("route", Route)

get, post, put, delete, patch = map(_declare, ("GET", "POST", "PUT", "DELETE", "PATCH"))


def peer_document(path: str, handler: ForPeers) -> Route:
    """A document for other servers: made for whoever asks."""
    return Route(method="GET", path=path, handler=handler, access=Access.PEER, limits=("document",))


def shared_document(path: str, handler: Handler, limit: str = "document") -> Route:
    """Route of a document for whoever asks, the same for all."""
    return Route(method="GET", path=path, handler=handler, access=Access.ANYBODY, limits=(limit,))


def page(
    path: str, handler: Handler, access: Access = Access.VISITOR, limit: str = "page"
) -> Route:
    """A page for people."""
    return Route(method="GET", path=path, handler=handler, access=access, limits=(limit,))


def form_route(
    path: str,
    handler: Handler,
    access: Access = Access.LOGGED_IN,
    limit: str = "page",
    body: int = FORM_BODY,
    *,
    guessed: bool = False,
) -> Route:
    """Route that a form of ours is sent to: held against forgery."""
    return Route(
        method="POST",
        path=path,
        handler=handler,
        access=access,
        limits=(limit,),
        body=body,
        csrf=True,
        guessed=guessed,
    )


def guard(route: Route) -> Handler:
    """The only way in. Cheap checks first: head, size, network, who, scope, limits, the rest."""

    async def handle(request: web.Request) -> web.StreamResponse:
        request[ROUTE], request[BODY_LIMIT] = route, route.body
        _ensure_said_once(request)
        _ensure_size(request, route)
        await _ensure_let_in(request)
        request[CURRENT_USER] = user = await _recognize(request, route)
        _spend(request, route, user)
        async with request.app[BODIES].room_for(request, route.body, user):
            return await _handle(request, route, user)

    return handle


async def _handle(request: web.Request, route: Route, user: CurrentUser) -> web.StreamResponse:
    if route.csrf:
        form = await form_of(request)
        ensure_csrf(request, form.text("csrf"))
    _ensure_numbers(request)
    if route.access is Access.PEER:
        return await route.handler(request)  # it is seen there who asks, and what it may cost
    member = user.actor.id if user.actor else None
    with request.app[READS].of(route.path, auth.address_of(request), member):
        return await route.handler(request)


def current_user(request: web.Request) -> CurrentUser:
    """User who is asking, as the guard found out."""
    return request[CURRENT_USER]


def _ensure_said_once(request: web.Request) -> None:
    if name := find_duplicate(request):
        raise Refused(400, f"The header “{name}” may be there once only.")


def _ensure_size(request: web.Request, route: Route) -> None:
    if (request.content_length or 0) > route.body:
        raise Refused(413, f"That is more than the {route.body} bytes that we take here.")


async def _ensure_let_in(request: web.Request) -> None:
    if await request.app[IP_BLOCKS].severity(auth.address_of(request)) == "no_access":
        raise Refused(403, "This server takes no requests from your network.")


# What concerns nobody but oneself: also for who is frozen. They may look, leave, and be safe.
OWN_AFFAIRS = (
    "/logout",
    "/settings/prove",
    "/settings/safety/",
    "/settings/password",
    "/settings/email",
    "/settings/sessions",
    "/settings/apps",
    "/settings/leaving/delete",
    "/settings/data/archive",
    "/api/v1/markers",
    "/oauth/userinfo",
)


def _ensure_thawed(route: Route, found: CurrentUser) -> None:
    """Refuse the frozen all but reading and what nobody else could notice; their role rests."""
    reason = found.account.frozen if found.account else None
    reads = route.method == "GET" and route.access not in MODERATORS
    if reason is None or reads or route.path.startswith(OWN_AFFAIRS):
        return
    told = f" The stewards wrote: “{reason}”" if reason else ""
    what = "your office rests" if route.access in MODERATORS else "you can read, but not act"
    raise Refused(403, f"Your account is frozen: {what}.{told}")


async def _recognize(request: web.Request, route: Route) -> CurrentUser:
    """Find the user as `_caller`; the refused are counted by address, as no token has a window.

    After many tokens from one address that are nobody's, the database is asked about no more from
    there, but about those that were good before.
    """
    secret, known = auth.bearer_of(request), request.app[auth.CURRENT_USERS]
    stranger = ("stranger", f"ip {address_key(auth.address_of(request))}")
    asks = route.access in API and secret is not None and not known.has_met(secret)
    if asks and request.app[LIMITS].is_spent(*stranger):
        _ensure_left(request.app[LIMITS].spend([stranger]))
    try:
        return await _current_user(request, route)
    except Exception:
        _spend(request, route, auth.NOBODY)
        if asks:
            _ensure_left(request.app[LIMITS].spend([stranger]))
        raise


async def _current_user(request: web.Request, route: Route) -> CurrentUser:
    if route.access in API:
        found = await auth.by_token(request)
        _ensure_allowed(route, found)
        _ensure_thawed(route, found)
        return found
    if route.access in PAGES:
        found = await auth.by_cookie(request)
        if route.access is not Access.VISITOR:
            if found.actor is None:
                raise _to_login(request)
            _ensure_thawed(route, found)
        if route.access is Access.STEWARD and found.own_account.role not in ("steward", "admin"):
            raise Refused(403, "Only those who look after this place come in here.")
        return found
    return auth.NOBODY


def _ensure_numbers(request: web.Request) -> None:
    """A path may hold more digits than there are numbers; nothing has such a number."""
    for name in NUMBERS:
        written = request.match_info.get(name, "0")
        if id_of(written) is None:
            raise not_found() if written.isdecimal() else no_door()


def _to_login(request: web.Request) -> Exception:
    if request.method not in ("GET", "HEAD"):
        return Refused(403, "Please log in first. Nothing was changed.")
    return web.HTTPSeeOther("/login?next=" + quote(str(request.rel_url), safe=""))


def _ensure_allowed(route: Route, found: CurrentUser) -> None:
    """Token, then its owner's state, its scope, and their role now (SECURITY 67, 74)."""
    ensure_welcome(found)
    if route.access is Access.PUBLIC and found.token is None:
        return
    if found.token is None:
        raise auth.unauthorized_refusal("The access token is invalid")
    if route.access in (Access.MEMBER, Access.ADMIN) and found.actor is None:
        raise Refused(422, "This method requires an authenticated user")
    if route.scopes and not any(scopes.covers(found.scopes, one) for one in route.scopes):
        raise Refused(403, "This action is outside the authorized scopes")
    if route.access is Access.ADMIN and found.own_account.role != "admin":
        raise Refused(403, "This action is not allowed")


def _spend(request: web.Request, route: Route, found: CurrentUser) -> None:
    limit = request.app[LIMITS].spend(_windows(request, route, found))
    request[RATE_LIMIT_STATE] = limit
    _ensure_left(limit)


def count(request: web.Request, limiter: str, *callers: str) -> None:
    """Count by more than who calls: what was typed, an address (SECURITY 72). Raises Refused."""
    limit = request.app[LIMITS].spend([(limiter, one) for one in callers])
    if limit is not None and limit.exceeded:
        request[RATE_LIMIT_STATE] = limit
    _ensure_left(limit)


def as_typed(text: str) -> str:
    """Name or address as it is counted when somebody typed it."""
    return f"typed {text.removeprefix('@').lower()}"


def _ensure_left(limit: RateLimitState | None) -> None:
    if limit is not None and limit.exceeded:
        raise Refused(
            429,
            f"That was a lot at once. Nothing is lost; try again at {limit.reset:%H:%M} UTC.",
            headers={"Retry-After": str(int(limit.seconds) + 1)},
        )


def _windows(request: web.Request, route: Route, found: CurrentUser) -> Sequence[tuple[str, str]]:
    """Limiters, each with the user it counts: token, account and address.

    Who has a session is counted by it: what strangers do behind the same address is not theirs.
    """
    token = f"ip {address_key(auth.address_of(request))}"
    if found.token is not None:
        token = f"token {found.token.id}"
    elif found.session is not None:
        token = f"session {found.session.id}"
    windows = [(name, token) for name in (("page",) if route.guessed else route.limits)]
    if found.account is not None and route.access in API:
        windows.append(("account", f"account {found.account.actor}"))
    if "api" in route.limits and any(
        name in request.query for name in ("page", "max_id", "since_id", "min_id")
    ):
        windows.append(("paging", token))
    return windows
