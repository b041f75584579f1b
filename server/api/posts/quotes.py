"""Quotes of a post, and taking back one's consent to them."""

from aiohttp import web

from server.actions.finding import visible_post
from server.actions.posts import quotes
from server.api.common import number, post_number
from server.api.listing import show_page
from server.entities import taken_back
from server.entities.json_parts import Rendered, Unfolded
from server.http.app_keys import DATABASE
from server.http.guard import Access, Route, current_user, get, post
from server.http.pagination import page_of
from server.http.responses import answer
from storage.engine.ids import PostId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer
from storage.people.actors import Actor
from storage.posts.visibility import Viewer
from storage.reading import timelines
from storage.reading.timelines import Line


async def several(request: web.Request) -> web.Response:
    viewer, id_ = current_user(request).viewer, post_number(request)

    def find(reader: Reader, page: Page) -> list[Line]:
        return timelines.quoting(reader, viewer, visible_post(reader, viewer, id_).id, page)

    return await show_page(request, find, page_of(request), always_next=False)


async def revoke(request: web.Request) -> web.Response:
    """The quoting post as it is shown then."""
    who, quoted, quoting = (
        current_user(request),
        post_number(request),
        PostId(number(request, "quoting_id")),
    )
    return answer(await request.app[DATABASE].write(_revoke, who.me, who.viewer, quoted, quoting))


def _revoke(
    writer: Writer, me: Actor, viewer: Viewer, quoted: PostId, quoting: PostId
) -> Rendered | Unfolded:
    return taken_back.one(writer, viewer, me.id, quotes.revoke(writer, me, quoted, quoting))


_ALL = "/api/v1/statuses/{id}/quotes"

ROUTES: list[Route] = [
    get(_ALL, several, Access.MEMBER, "read:statuses"),
    post(f"{_ALL}/{{quoting_id}}/revoke", revoke, Access.MEMBER, "write:statuses"),
]
