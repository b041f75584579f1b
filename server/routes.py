"""Every route, collected from beside its handler. What is not in this table cannot be called."""

from collections.abc import Iterable

from aiohttp import HttpVersion11, web

from server.activitypub import documents, well_known
from server.api.access import apps, registration
from server.api.communities import instance
from server.api.media import emojis
from server.api.media import media as media_api
from server.api.moderation import (
    admin_accounts,
    admin_domains,
    admin_reports,
    admin_signup_blocks,
    reports,
)
from server.api.people import (
    accounts,
    endorsements,
    follow_requests,
    profile,
    suggestions,
    user_domain_blocks,
)
from server.api.posts import edits, pins, polls, quotes, reactions, scheduled, statuses
from server.api.reading import (
    conversations,
    filters,
    filters_v1,
    hashtags,
    lists,
    notifications,
    own,
    search,
    timelines,
)
from server.http.guard import Route, guard
from server.http.parsing import header
from server.http.responses import answer
from server.media import proxy, store
from server.pages import public
from server.pages.access import access, invitations, oauth, reauthentication, second_factor
from server.pages.moderation import dashboard, report
from server.pages.settings import (
    account_settings,
    email_confirmation,
    import_export,
    move_and_delete,
    profile_settings,
    two_factor_settings,
)

ROUTES: list[Route] = [
    *documents.ROUTES,
    *well_known.ROUTES,
    *store.ROUTES,
    *proxy.ROUTES,
    *instance.ROUTES,
    *accounts.ROUTES,
    *follow_requests.ROUTES,
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
    *filters_v1.ROUTES,
    *hashtags.ROUTES,
    *endorsements.ROUTES,
    *suggestions.ROUTES,
    *user_domain_blocks.ROUTES,
    *notifications.ROUTES,
    *search.ROUTES,
    *own.ROUTES,
    *profile.ROUTES,
    *apps.ROUTES,
    *registration.ROUTES,
    *oauth.ROUTES,
    *access.ROUTES,
    *email_confirmation.ROUTES,
    *second_factor.ROUTES,
    *reauthentication.ROUTES,
    *two_factor_settings.ROUTES,
    *account_settings.ROUTES,
    *dashboard.ROUTES,
    *report.ROUTES,
    *invitations.ROUTES,
    *profile_settings.ROUTES,
    *move_and_delete.ROUTES,
    *import_export.ROUTES,
    *public.ROUTES,
]


def add_routes(app: web.Application, routes: Iterable[Route] = ROUTES) -> None:
    """Guarded, each; most paths with and without a slash at the end; HEAD wherever GET is."""
    for route in routes:
        for path in _spellings(route.path):
            for method in _methods(route):
                app.router.add_route(method, path, guard(route), expect_handler=_going_on)


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
    return (path, f"{path}/") if path.startswith(_WITH_SLASH) else (path,)


# What programs call, and what people type and paste.
_WITH_SLASH = ("/api/", "/oauth/", "/@", "/tags/", "/actors/", "/posts/", "/about")
