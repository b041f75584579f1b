"""Pinning one's own posts, and unpinning them."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from server.actions.posts import pins
from server.api.common import post_number
from server.entities import status as status_entity
from server.entities.json_parts import Rendered
from server.http.app_keys import DATABASE
from server.http.guard import Access, Route, current_user, post
from server.http.responses import answer
from storage.engine.ids import PostId
from storage.engine.transaction import Writer
from storage.people.actors import Actor
from storage.posts.visibility import Viewer
from storage.posts.visible_posts import Post


def _acting(act: Callable[[Writer, Actor, PostId], Post]) -> Callable[..., Any]:
    def unit(writer: Writer, me: Actor, viewer: Viewer, id_: PostId) -> Rendered:
        return status_entity.one(writer, viewer, act(writer, me, id_))

    async def handle(request: web.Request) -> web.Response:
        who = current_user(request)
        shown = await request.app[DATABASE].write(unit, who.me, who.viewer, post_number(request))
        return answer(shown)

    return handle


_ONE = "/api/v1/statuses/{id}"

ROUTES: list[Route] = [
    post(f"{_ONE}/pin", _acting(pins.pin), Access.MEMBER, "write:accounts"),
    post(f"{_ONE}/unpin", _acting(pins.unpin), Access.MEMBER, "write:accounts"),
]
