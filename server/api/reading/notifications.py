"""`/api/v1/notifications`."""

from aiohttp import web

from server.api.common import number
from server.entities import notification as notification_entity
from server.entities import shapes
from server.http.app_keys import DATABASE
from server.http.errors import not_found
from server.http.forms import form_of
from server.http.guard import Access, Route, current_user, get, post
from server.http.pagination import answer_with_links, page_of
from server.http.responses import answer
from storage.engine.ids import ActorId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader
from storage.posts.visibility import Viewer
from storage.reading import markers, notifications
from storage.reading.notifications import NotificationFilter


async def several(request: web.Request) -> web.Response:
    form, who, page = await form_of(request), current_user(request), page_of(request, 40, 80)
    wanted = NotificationFilter(
        form.texts("types"), form.texts("exclude_types"), form.actor("account_id")
    )
    body, cursors = await request.app[DATABASE].read(_several, who.viewer, who.me.id, page, wanted)
    return answer_with_links(request, body, cursors, page)


def _several(
    reader: Reader, viewer: Viewer, me: ActorId, page: Page, wanted: NotificationFilter
) -> tuple[list[shapes.Notification], list[int]]:
    found = notifications.page_of(reader, me, page, wanted)
    return notification_entity.many(reader, viewer, found), [one.id for one in found]


async def show(request: web.Request) -> web.Response:
    who = current_user(request)
    return answer(await request.app[DATABASE].read(_show, who.viewer, who.me.id, number(request)))


def _show(reader: Reader, viewer: Viewer, me: ActorId, id_: int) -> shapes.Notification:
    found = notifications.by_id(reader, me, id_)
    if found is None:
        raise not_found()
    return notification_entity.many(reader, viewer, [found])[0]


async def clear(request: web.Request) -> web.Response:
    await request.app[DATABASE].write(notifications.clear, current_user(request).me.id)
    return answer({})


async def dismiss(request: web.Request) -> web.Response:
    me, id_ = current_user(request).me.id, number(request)
    if not await request.app[DATABASE].write(notifications.dismiss, me, id_):
        raise not_found()
    return answer({})


async def unread_count(request: web.Request) -> web.Response:
    """Count the notifications newer than the marker, at most `limit` or a hundred."""
    form, me = await form_of(request), current_user(request).me.id
    wanted = NotificationFilter(
        form.texts("types"), form.texts("exclude_types"), form.actor("account_id")
    )
    most = min(form.number("limit") or 100, 1000)
    return answer({"count": await request.app[DATABASE].read(_unread, me, most, wanted)})


def _unread(reader: Reader, me: ActorId, most: int, wanted: NotificationFilter) -> int:
    read = markers.last_read(reader, me, "notifications")
    return len(notifications.page_of(reader, me, Page(most, since_id=read), wanted))


_ALL = "/api/v1/notifications"

ROUTES: list[Route] = [
    get(_ALL, several, Access.MEMBER, "read:notifications"),
    get(f"{_ALL}/unread_count", unread_count, Access.MEMBER, "read:notifications"),
    get(f"{_ALL}/{{id}}", show, Access.MEMBER, "read:notifications"),
    post(f"{_ALL}/clear", clear, Access.MEMBER, "write:notifications"),
    post(f"{_ALL}/{{id}}/dismiss", dismiss, Access.MEMBER, "write:notifications"),
]
