"""`/api/v1/follow_requests`: who asks to follow a locked account."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from federation.activities import Accept, Follow, Reject
from federation.outbound import outbox
from server.api.common import is_there, number
from server.api.people.accounts import listed_people
from server.entities import relationship as relationship_entity
from server.http.app_keys import DATABASE
from server.http.errors import not_found
from server.http.guard import Access, Route, current_user, get, post
from server.http.pagination import linked, page_of
from server.http.responses import answer
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer
from storage.people import actors, follows
from storage.people.actors import Actor


async def several(request: web.Request) -> web.Response:
    page = page_of(request, 40, 80)
    body, cursors = await request.app[DATABASE].read(_several, current_user(request).me.id, page)
    return linked(request, body, cursors, page, previous="since_id", always_next=False)


def _several(reader: Reader, me: int, page: Page) -> tuple[list[dict[str, Any]], list[int]]:
    return listed_people(reader, follows.page_of_followers(reader, me, page, "pending"))


def _answering(verb: type[Accept] | type[Reject]) -> Callable[[web.Request], Any]:
    def unit(writer: Writer, me: Actor, id_: int) -> dict[str, Any]:
        asked = follows.between(writer, id_, me.id)
        asker = actors.by_id(writer, id_)
        if asker is None or asked is None or asked.state != "pending":
            raise not_found()
        if verb is Accept and not is_there(asker):
            raise not_found()
        follow = Follow(id=asked.uri, actor=asker.uri, target=me.uri)
        outbox.publish(writer, verb(id=outbox.new_uri(writer), actor=me.uri, inner=follow))
        return relationship_entity.many(writer, me.id, [asker.id])[0]

    async def handle(request: web.Request) -> web.Response:
        me = current_user(request).me
        return answer(await request.app[DATABASE].write(unit, me, number(request)))

    return handle


_ALL = "/api/v1/follow_requests"

ROUTES: list[Route] = [
    get(_ALL, several, Access.MEMBER, "read:follows"),
    post(f"{_ALL}/{{id}}/authorize", _answering(Accept), Access.MEMBER, "write:follows"),
    post(f"{_ALL}/{{id}}/reject", _answering(Reject), Access.MEMBER, "write:follows"),
]
