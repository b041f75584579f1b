"""Every route with its declared policy. What is not in this table cannot be called."""

from collections.abc import Iterable

from aiohttp import HttpVersion11, web
from aiohttp.typedefs import Handler

from server import activitypub, media, oauth, shown_media, wellknown
from server.api import (
    accounts,
    admin_accounts,
    admin_domains,
    admin_reports,
    admin_signup_blocks,
    apps,
    conversations,
    domain_blocks,
    edits,
    emojis,
    endorsements,
    filters,
    instance,
    lists,
    notifications,
    older_filters,
    own,
    pins,
    polls,
    profile,
    quotes,
    reactions,
    registration,
    reports,
    requests,
    scheduled,
    search,
    statuses,
    suggestions,
    tags,
    timelines,
)
from server.api import media as media_api
from server.documents import ForPeers
from server.incoming import header
from server.pages import (
    access,
    confirming,
    desk,
    desk_report,
    editing,
    entering,
    going,
    inviting,
    keeping,
    proving,
    public,
    safety,
    taking,
)
from server.policies import Route, Who, guarded
from server.replies import answer

INBOX_BODY = 1024 * 1024


def _get(path: str, handler: Handler, limit: str = "document") -> Route:
    """For whoever asks, and the same for all."""
    return Route(method="GET", path=path, handler=handler, who=Who.ANYBODY, limits=(limit,))


def _document(path: str, handler: ForPeers) -> Route:
    return Route(method="GET", path=path, handler=handler, who=Who.PEER, limits=("document",))


def _inbox(path: str) -> Route:
    return Route(
        method="POST",
        path=path,
        handler=activitypub.inbox,
        who=Who.PEER,
        limits=("inbox",),
        body=INBOX_BODY,
    )


_ID = "{id:[0-9]{1,19}}"

FEDERATION = [
    _inbox("/inbox"),
    _inbox("/actor/inbox"),
    _inbox(f"/actors/{_ID}/inbox"),
    _document("/actor", activitypub.application),
    _document(f"/actors/{_ID}", activitypub.actor),
    _document(f"/actors/{_ID}/outbox", activitypub.outbox),
    _document(f"/actors/{_ID}/outbox/page/{{below:[0-9]{{1,19}}}}", activitypub.outbox_page),
    _document(f"/actors/{_ID}/{{which:followers|following}}", activitypub.people),
    _document(f"/actors/{_ID}/featured", activitypub.featured),
    _document(f"/posts/{_ID}", activitypub.post),
    _document(f"/posts/{_ID}/replies", activitypub.replies),
    _document(f"/approvals/{_ID}", activitypub.approval),
    _document(f"/activities/{_ID}", activitypub.activity),
    _get("/.well-known/webfinger", wellknown.webfinger),
    _get("/.well-known/host-meta", wellknown.host_meta),
    _get("/.well-known/nodeinfo", wellknown.nodeinfo_links),
    _get("/nodeinfo/{version:2\\.[01]}", wellknown.nodeinfo),
    _get("/.well-known/oauth-authorization-server", wellknown.oauth_metadata),
    _get("/.well-known/change-password", wellknown.change_password),
    _get("/health", wellknown.health, "health"),
    _get("/media/{name}", media.serve),
    _get("/media/private/{name}", shown_media.private),
    _get(f"/media/proxy/{{kind:[a-z]+}}/{_ID}", shown_media.proxied),
    _document(f"/emojis/{_ID}", activitypub.emoji),
]

ROUTES: list[Route] = [
    *FEDERATION,
    *instance.ROUTES,
    *accounts.ROUTES,
    *requests.ROUTES,
    *reports.ROUTES,
    *admin_accounts.ROUTES,
    *admin_reports.ROUTES,
    *admin_domains.ROUTES,
    *admin_signup_blocks.ROUTES,
    *statuses.ROUTES,
    *edits.ROUTES,
    *scheduled.ROUTES,
    *media_api.ROUTES,
    *emojis.ROUTES,
    *pins.ROUTES,
    *polls.ROUTES,
    *quotes.ROUTES,
    *reactions.ROUTES,
    *timelines.ROUTES,
    *lists.ROUTES,
    *conversations.ROUTES,
    *filters.ROUTES,
    *older_filters.ROUTES,
    *tags.ROUTES,
    *endorsements.ROUTES,
    *suggestions.ROUTES,
    *domain_blocks.ROUTES,
    *notifications.ROUTES,
    *search.ROUTES,
    *own.ROUTES,
    *profile.ROUTES,
    *apps.ROUTES,
    *registration.ROUTES,
    *oauth.ROUTES,
    *access.ROUTES,
    *confirming.ROUTES,
    *entering.ROUTES,
    *proving.ROUTES,
    *safety.ROUTES,
    *keeping.ROUTES,
    *desk.ROUTES,
    *desk_report.ROUTES,
    *inviting.ROUTES,
    *editing.ROUTES,
    *going.ROUTES,
    *taking.ROUTES,
    *public.ROUTES,
]


def add_routes(app: web.Application, routes: Iterable[Route] = ROUTES) -> None:
    """Guarded, each; API paths with and without a slash at the end; HEAD wherever GET is."""
    for route in routes:
        for path in _spellings(route.path):
            for method in _methods(route):
                app.router.add_route(method, path, guarded(route), expect_handler=_going_on)


async def _going_on(request: web.Request) -> web.Response | None:
    """RFC 9110 §10.1.1, as aiohttp does it, but that its refusal repeats bytes that are no text."""
    if request.version < HttpVersion11:
        return None
    if header(request, "Expect").lower() != "100-continue":
        return answer({"error": "Nothing else can be expected here than to go on."}, 417)
    await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
    request.writer.output_size = 0  # the answer itself has not begun
    return None


def _methods(route: Route) -> tuple[str, ...]:
    """RFC 9110 §9.1: every server answers GET and HEAD; aiohttp leaves the body out."""
    return ("GET", "HEAD") if route.method == "GET" else (route.method,)


def _spellings(path: str) -> tuple[str, ...]:
    return (path, f"{path}/") if path.startswith(("/api/", "/oauth/")) else (path,)
