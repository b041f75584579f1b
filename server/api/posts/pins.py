"""Pinning one's own posts: `Add` to what one shows first, and `Remove` from it."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from federation.activities import Add, Remove
from federation.errors import Forbidden
from federation.outbound import outbox
from server.api.common import number, visible
from server.entities import status as status_entity
from server.entities.shared import Rendered
from server.http.app_keys import DATABASE
from server.http.errors import unprocessable
from server.http.guard import Access, Route, current_user, post
from server.http.responses import answer
from storage.engine.transaction import Writer
from storage.people.actors import Actor
from storage.posts import pins
from storage.posts.visibility import Viewer
from storage.posts.visible_posts import Post


def _own(writer: Writer, me: Actor, viewer: Viewer, id_: int) -> Post:
    found = visible(writer, viewer, id_)
    if found.author != me.id or found.id != id_:
        raise unprocessable("Validation failed: Someone else's post cannot be pinned")
    return found


def _pin(writer: Writer, me: Actor, viewer: Viewer, id_: int) -> Rendered:
    found = _own(writer, me, viewer, id_)
    if found.kind == "named":
        raise unprocessable(
            "Validation failed: Posts that are only visible to mentioned users cannot be pinned"
        )
    if not pins.is_pinned(writer, me.id, found.id):
        outbox.publish(
            writer,
            Add(
                id=outbox.new_uri(writer),
                actor=me.uri,
                what=found.uri,
                target=me.featured or "",
            ),
        )
    return status_entity.one(writer, viewer, found)


def _unpin(writer: Writer, me: Actor, viewer: Viewer, id_: int) -> Rendered:
    found = _own(writer, me, viewer, id_)
    if pins.is_pinned(writer, me.id, found.id):
        outbox.publish(
            writer,
            Remove(
                id=outbox.new_uri(writer),
                actor=me.uri,
                what=found.uri,
                target=me.featured or "",
            ),
        )
    return status_entity.one(writer, viewer, found)


def _acting(act: Callable[[Writer, Actor, Viewer, int], Rendered]) -> Callable[..., Any]:
    async def handle(request: web.Request) -> web.Response:
        who = current_user(request)
        try:
            shown = await request.app[DATABASE].write(act, who.me, who.viewer, number(request))
        except Forbidden as refused:
            raise unprocessable(f"Validation failed: {refused}") from refused
        return answer(shown)

    return handle


_ONE = "/api/v1/statuses/{id}"

ROUTES: list[Route] = [
    post(f"{_ONE}/pin", _acting(_pin), Access.MEMBER, "write:accounts"),
    post(f"{_ONE}/unpin", _acting(_unpin), Access.MEMBER, "write:accounts"),
]
