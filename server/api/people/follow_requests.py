"""`/api/v1/follow_requests`: who asks to follow a locked account."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from server.actions.people import relationships
from server.api.common import actor_number
from server.api.people.accounts import page_of_people
from server.entities import relationship as relationship_entity
from server.entities import shapes
from server.http.app_keys import DATABASE
from server.http.guard import Access, Route, current_user, get, post
from server.http.pagination import answer_with_links, page_of
from server.http.responses import answer
from storage.engine.ids import ActorId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer
from storage.people import follows
from storage.people.actors import Actor


async def several(request: web.Request) -> web.Response:
    page = page_of(request, 40, 80)
    body, cursors = await request.app[DATABASE].read(_several, current_user(request).me.id, page)
    return answer_with_links(request, body, cursors, page, previous="since_id", always_next=False)


def _several(reader: Reader, me: ActorId, page: Page) -> tuple[list[shapes.Account], list[int]]:
    return page_of_people(reader, follows.page_of_followers(reader, me, page, "pending"))


def _answering(act: Callable[[Writer, Actor, ActorId], Actor]) -> Callable[[web.Request], Any]:
    def unit(writer: Writer, me: Actor, id_: ActorId) -> shapes.Relationship:
        return relationship_entity.many(writer, me.id, [act(writer, me, id_).id])[0]

    async def handle(request: web.Request) -> web.Response:
        me = current_user(request).me
        return answer(await request.app[DATABASE].write(unit, me, actor_number(request)))

    return handle


_ALL = "/api/v1/follow_requests"

ROUTES: list[Route] = [
    get(_ALL, several, Access.MEMBER, "read:follows"),
    post(
        f"{_ALL}/{{id}}/authorize",
        _answering(relationships.accept_follow),
        Access.MEMBER,
        "write:follows",
    ),
    post(
        f"{_ALL}/{{id}}/reject",
        _answering(relationships.reject_follow),
        Access.MEMBER,
        "write:follows",
    ),
]
