"""People whom a member shows on their profile."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from server.actions.finding import actor_to_take_back_from, has_none, visible_actor
from server.api.common import actor_number
from server.api.people.accounts import page_of_people
from server.entities import relationship as relationship_entity
from server.entities import shapes
from server.http.app_keys import DATABASE
from server.http.errors import unprocessable
from server.http.guard import Access, Route, current_user, get, post
from server.http.pagination import answer_with_links, page_of
from server.http.responses import answer
from storage.engine.ids import ActorId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer
from storage.people import endorsements, follows

Act = Callable[[Writer, ActorId, ActorId], None]


def _acting(act: Act) -> Callable[[web.Request], Any]:
    def unit(writer: Writer, me: ActorId, id_: ActorId) -> shapes.Relationship:
        has = endorsements.exists if act is endorsements.remove else has_none
        target = actor_to_take_back_from(writer, me, id_, has).id
        act(writer, me, target)
        return relationship_entity.many(writer, me, [target])[0]

    async def handle(request: web.Request) -> web.Response:
        me = current_user(request).me.id
        return answer(await request.app[DATABASE].write(unit, me, actor_number(request)))

    return handle


def _endorse(writer: Writer, me: ActorId, target: ActorId) -> None:
    between = follows.between(writer, me, target)
    if between is None or between.state != "accepted":
        raise unprocessable("Only people whom you follow can be shown on your profile.")
    endorsements.add(writer, me, target)


def _page_of_endorsed(
    reader: Reader, id_: ActorId, page: Page
) -> tuple[list[shapes.Account], list[int]]:
    found = endorsements.page_of(reader, visible_actor(reader, id_).id, page)
    return page_of_people(reader, found)


async def _answer_with(request: web.Request, id_: ActorId) -> web.Response:
    page = page_of(request, 40, 80)
    body, cursors = await request.app[DATABASE].read(_page_of_endorsed, id_, page)
    return answer_with_links(request, body, cursors, page, previous="since_id", always_next=False)


async def several(request: web.Request) -> web.Response:
    return await _answer_with(request, current_user(request).me.id)


async def of_account(request: web.Request) -> web.Response:
    return await _answer_with(request, actor_number(request))


_ONE = "/api/v1/accounts/{id}"

ROUTES: list[Route] = [
    get("/api/v1/endorsements", several, Access.MEMBER, "read:accounts"),
    get(f"{_ONE}/endorsements", of_account, Access.PUBLIC, "read:accounts"),
    *(
        post(f"{_ONE}/{name}", _acting(act), Access.MEMBER, "write:accounts")
        for name, act in (
            ("endorse", _endorse),
            ("unendorse", endorsements.remove),
            ("pin", _endorse),
            ("unpin", endorsements.remove),
        )
    ),
]
