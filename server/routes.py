"""Every route with its declared policy. What is not in this table cannot be called."""

from aiohttp import web

from server import activitypub, media, oauth, wellknown
from server.api import (
    accounts,
    apps,
    instance,
    notifications,
    own,
    profile,
    reactions,
    registration,
    requests,
    search,
    statuses,
    timelines,
)
from server.pages import access, editing, keeping, public
from server.policies import Route, Who, guarded

INBOX_BODY = 1024 * 1024


def _get(path: str, handler: object, limit: str = "document") -> Route:
    return Route(method="GET", path=path, handler=handler, who=Who.PEER, limits=(limit,))  # type: ignore[arg-type]


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
    _get("/actor", activitypub.application),
    _get(f"/actors/{_ID}", activitypub.actor),
    _get(f"/actors/{_ID}/outbox", activitypub.outbox),
    _get(f"/actors/{_ID}/outbox/page/{{below:[0-9]{{1,19}}}}", activitypub.outbox_page),
    _get(f"/actors/{_ID}/{{which:followers|following}}", activitypub.people),
    _get(f"/actors/{_ID}/featured", activitypub.featured),
    _get(f"/posts/{_ID}", activitypub.post),
    _get(f"/posts/{_ID}/replies", activitypub.replies),
    _get(f"/activities/{_ID}", activitypub.activity),
    _get("/.well-known/webfinger", wellknown.webfinger),
    _get("/.well-known/host-meta", wellknown.host_meta),
    _get("/.well-known/nodeinfo", wellknown.nodeinfo_links),
    _get("/nodeinfo/{version:2\\.[01]}", wellknown.nodeinfo),
    _get("/.well-known/oauth-authorization-server", wellknown.oauth_metadata),
    _get("/.well-known/change-password", wellknown.change_password),
    _get("/health", wellknown.health, "health"),
    _get("/media/{name}", media.serve),
]

ROUTES: list[Route] = [
    *FEDERATION,
    *instance.ROUTES,
    *accounts.ROUTES,
    *requests.ROUTES,
    *statuses.ROUTES,
    *reactions.ROUTES,
    *timelines.ROUTES,
    *notifications.ROUTES,
    *search.ROUTES,
    *own.ROUTES,
    *profile.ROUTES,
    *apps.ROUTES,
    *registration.ROUTES,
    *oauth.ROUTES,
    *access.ROUTES,
    *keeping.ROUTES,
    *editing.ROUTES,
    *public.ROUTES,
]


def add_routes(app: web.Application) -> None:
    """Guarded, each; API paths with and without a slash at the end."""
    for route in ROUTES:
        for path in _spellings(route.path):
            app.router.add_route(route.method, path, guarded(route))


def _spellings(path: str) -> tuple[str, ...]:
    return (path, f"{path}/") if path.startswith(("/api/", "/oauth/")) else (path,)
