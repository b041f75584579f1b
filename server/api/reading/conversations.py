"""`/api/v1/conversations`: direct posts, by thread and by who takes part."""

from collections.abc import Callable, Sequence
from typing import Any

from aiohttp import web

from server.api.common import number
from server.entities import account as account_entity
from server.entities import shapes
from server.entities import status as status_entity
from server.http.app_keys import DATABASE
from server.http.errors import not_found
from server.http.guard import Access, Route, current_user, delete, get, post
from server.http.pagination import answer_with_links, page_of
from server.http.responses import answer
from storage.engine.ids import ActorId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer
from storage.posts.visibility import Member
from storage.reading import conversations
from storage.reading.conversations import Conversation


async def several(request: web.Request) -> web.Response:
    page = page_of(request)
    body, cursors = await request.app[DATABASE].read(_several, current_user(request).me.id, page)
    return answer_with_links(request, body, cursors, page)


def _several(
    reader: Reader, me: ActorId, page: Page
) -> tuple[list[shapes.Conversation], list[int]]:
    found = conversations.page_of(reader, me, page)
    return _render(reader, me, found), [one.last_post for one in found]


def _render(
    reader: Reader, me: ActorId, found: Sequence[Conversation]
) -> list[shapes.Conversation]:
    """Render them; clients count on a name in each, so one with nobody else has oneself."""
    posts = status_entity.by_number(reader, Member(me), [one.last_post for one in found])
    people = account_entity.by_number(reader, [me, *(who for one in found for who in one.people)])
    return [
        {
            "id": str(one.id),
            "unread": one.unread,
            "accounts": [people[who] for who in one.people if who in people] or [people[me]],
            "last_status": posts.get(one.last_post),
        }
        for one in found
    ]


def _own(reader: Reader, me: ActorId, id_: int) -> Conversation:
    found = conversations.one(reader, me, id_)
    if found is None:
        raise not_found()
    return found


def _marking(unread: bool) -> Callable[[web.Request], Any]:
    def unit(writer: Writer, me: ActorId, id_: int) -> shapes.Conversation:
        conversations.set_unread(writer, _own(writer, me, id_).id, unread)
        return _render(writer, me, [_own(writer, me, id_)])[0]

    async def handle(request: web.Request) -> web.Response:
        me = current_user(request).me.id
        return answer(await request.app[DATABASE].write(unit, me, number(request)))

    return handle


async def remove(request: web.Request) -> web.Response:
    await request.app[DATABASE].write(_remove, current_user(request).me.id, number(request))
    return answer({})


def _remove(writer: Writer, me: ActorId, id_: int) -> None:
    conversations.hide(writer, _own(writer, me, id_).id)


_ALL = "/api/v1/conversations"
_ONE = "/api/v1/conversations/{id}"

ROUTES: list[Route] = [
    get(_ALL, several, Access.MEMBER, "read:statuses"),
    delete(_ONE, remove, Access.MEMBER, "write:conversations"),
    post(f"{_ONE}/read", _marking(False), Access.MEMBER, "write:conversations"),
    post(f"{_ONE}/unread", _marking(True), Access.MEMBER, "write:conversations"),
]
