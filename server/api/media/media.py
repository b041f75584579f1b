"""`/api/v1/media`, `/api/v2/media`: files for posts, before they hang on one."""

from typing import Any

from aiohttp import web

from federation.vocabulary import media_urls
from server.actions.posts import media_attachments
from server.api.common import number
from server.api.media.params import parse_description, parse_media
from server.entities import media as media_entity
from server.entities import shapes
from server.http.app_keys import DATABASE, OUTSIDE
from server.http.forms import form_of
from server.http.guard import Access, Route, current_user
from server.http.responses import answer
from server.services import SERVICES
from storage.media.attachments import Media

LARGEST = 34 * 1024 * 1024  # of a request; of a file, the setting says less


async def create(request: web.Request) -> web.Response:
    """Pictures are made while the client waits, so what it gets is whole."""
    form = await form_of(request)
    me, params = current_user(request).me, parse_media(form)
    row = await media_attachments.take_in(request.app[SERVICES], me, params)
    return answer(_render(request, row))


def _render(request: web.Request, row: Media) -> shapes.MediaAttachment:
    given = media_urls.pass_for_member(current_user(request).me.id, request.app[OUTSIDE].clock())
    return media_entity.own(request.app[DATABASE].site, row, given)


async def show(request: web.Request) -> web.Response:
    me = current_user(request).me
    row = await request.app[DATABASE].read(media_attachments.find_unattached, me, number(request))
    return answer(_render(request, row), _STATUSES[row.state])


_STATUSES = {"ready": 200, "processing": 206, "failed": 422}


async def update(request: web.Request) -> web.Response:
    form, me = await form_of(request), current_user(request).me
    row = await request.app[DATABASE].write(
        media_attachments.change, me, number(request), parse_description(form)
    )
    return answer(_render(request, row))


async def delete(request: web.Request) -> web.Response:
    me = current_user(request).me
    files = await request.app[DATABASE].write(media_attachments.forget, me, number(request))
    await media_attachments.remove_files(request.app[SERVICES], files)
    return answer({})


def _route(method: str, path: str, handler: Any, **more: Any) -> Route:
    return Route(
        method=method,
        path=path,
        handler=handler,
        access=Access.MEMBER,
        scopes=("write:media",),
        **{"limits": ("api",), **more},
    )


_ONE = "/api/v1/media/{id}"

ROUTES: list[Route] = [
    _route("POST", "/api/v1/media", create, limits=("api", "media"), body=LARGEST),
    _route("POST", "/api/v2/media", create, limits=("api", "media"), body=LARGEST),
    _route("PUT", "/api/v2/media/{id}", update, body=LARGEST),
    _route("GET", _ONE, show),
    _route("PUT", _ONE, update),
    _route("DELETE", _ONE, delete),
]
