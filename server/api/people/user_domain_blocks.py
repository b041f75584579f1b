"""`/api/v1/domain_blocks`: hosts of which a member wants to see nothing."""

from aiohttp import web

from federation.errors import Malformed
from federation.transport.urls import server_name
from server.actions.people import relationships
from server.http.app_keys import DATABASE
from server.http.errors import unprocessable
from server.http.forms import form_of
from server.http.guard import Access, Route, current_user, delete, get, post
from server.http.pagination import answer_with_links, page_of
from server.http.responses import answer
from storage.engine.site import Site
from storage.people import user_domain_blocks


async def several(request: web.Request) -> web.Response:
    page = page_of(request, 100, 200)
    me = current_user(request).me.id
    found = await request.app[DATABASE].read(user_domain_blocks.page_of, me, page)
    cursors = [cursor for cursor, _ in found]
    body = [host for _, host in found]
    return answer_with_links(request, body, cursors, page, previous="since_id", always_next=False)


async def _host(request: web.Request) -> str:
    """The host that is meant, as we write hosts."""
    text = (await form_of(request)).required_text("domain", 300).strip()
    try:
        return server_name(text)
    except Malformed as error:
        raise unprocessable("Validation failed: Domain is not a valid domain name") from error


def _ensure_other(site: Site, host: str) -> None:
    if host in (site.domain.lower(), site.web_domain.lower()):
        raise unprocessable("That is this server. People here can be blocked one by one.")


async def add(request: web.Request) -> web.Response:
    """Hide the people of a host at once; what ties them to the member is cut, and they are told."""
    host, me, database = await _host(request), current_user(request).me, request.app[DATABASE]
    _ensure_other(database.site, host)
    if not await database.write(relationships.block_host, me, host):
        raise unprocessable("There is no room for more blocked domains.")
    while await database.write(relationships.part_from_host, me, host):
        pass
    return answer({})


async def remove(request: web.Request) -> web.Response:
    host, me = await _host(request), current_user(request).me.id
    await request.app[DATABASE].write(user_domain_blocks.remove, me, host)
    return answer({})


async def preview(request: web.Request) -> web.Response:
    """Count the relationships that would be cut."""
    host, me = await _host(request), current_user(request).me.id
    following, followers = await request.app[DATABASE].read(user_domain_blocks.ties, me, host)
    return answer({"following_count": following, "followers_count": followers})


_ALL = "/api/v1/domain_blocks"

ROUTES: list[Route] = [
    get(_ALL, several, Access.MEMBER, "read:blocks"),
    post(_ALL, add, Access.MEMBER, "write:blocks"),
    delete(_ALL, remove, Access.MEMBER, "write:blocks"),
    get(f"{_ALL}/preview", preview, Access.MEMBER, "write:blocks"),
]
