"""`/api/v1/scheduled_statuses`: posts for later."""

from datetime import datetime

from aiohttp import web

from server.actions.posts import scheduled_statuses
from server.api.common import number
from server.api.posts.params import parse_time
from server.entities import scheduled as scheduled_entity
from server.entities import shapes
from server.http.app_keys import DATABASE, OUTSIDE
from server.http.errors import not_found, unprocessable
from server.http.forms import form_of
from server.http.guard import Access, Route, current_user, delete, get, put
from server.http.pagination import answer_with_links, page_of
from server.http.responses import answer
from storage.engine.ids import ActorId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer
from storage.people.actors import Actor
from storage.posts import scheduled_posts as rows
from storage.posts.scheduled_posts import Scheduled


async def several(request: web.Request) -> web.Response:
    page = page_of(request)
    body, cursors = await request.app[DATABASE].read(_several, current_user(request).me.id, page)
    return answer_with_links(request, body, cursors, page)


def _several(
    reader: Reader, me: ActorId, page: Page
) -> tuple[list[shapes.ScheduledStatus], list[int]]:
    found = rows.page_of(reader, me, page)
    return scheduled_entity.many(reader, found), [one.id for one in found]


def _own(reader: Reader, me: ActorId, id_: int) -> Scheduled:
    found = rows.one(reader, me, id_)
    if found is None:
        raise not_found()
    return found


async def show(request: web.Request) -> web.Response:
    return answer(
        await request.app[DATABASE].read(_show, current_user(request).me.id, number(request))
    )


def _show(reader: Reader, me: ActorId, id_: int) -> shapes.ScheduledStatus:
    return scheduled_entity.many(reader, [_own(reader, me, id_)])[0]


async def change(request: web.Request) -> web.Response:
    """Another time."""
    form, me, id_ = await form_of(request), current_user(request).me, number(request)
    await request.app[DATABASE].read(_own, me.id, id_)
    if any(form.values.get(name) for name in ("visibility", "local_only", "params")):
        raise unprocessable("Only the time of it can be changed here. Nothing was changed.")
    due = parse_time(form, request.app[OUTSIDE].clock())
    if due is None:
        raise unprocessable("“scheduled_at” is needed for this, and it was not sent.")
    return answer(await request.app[DATABASE].write(_change, me, id_, due))


def _change(writer: Writer, me: Actor, id_: int, due: datetime) -> shapes.ScheduledStatus:
    scheduled_statuses.move(writer, me, _own(writer, me.id, id_), due)
    return _show(writer, me.id, id_)


async def remove(request: web.Request) -> web.Response:
    await request.app[DATABASE].write(_remove, current_user(request).me.id, number(request))
    return answer({})


def _remove(writer: Writer, me: ActorId, id_: int) -> None:
    rows.remove(writer, _own(writer, me, id_).id)


_ALL = "/api/v1/scheduled_statuses"
_ONE = "/api/v1/scheduled_statuses/{id}"

ROUTES: list[Route] = [
    get(_ALL, several, Access.MEMBER, "read:statuses"),
    get(_ONE, show, Access.MEMBER, "read:statuses"),
    put(_ONE, change, Access.MEMBER, "write:statuses"),
    delete(_ONE, remove, Access.MEMBER, "write:statuses"),
]
