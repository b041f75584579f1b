"""What quotes a post, and taking back one's consent to it."""

from typing import Any

from aiohttp import web

from federation.activities import Delete
from federation.activities.shared.quotes import consent
from federation.outbound import outbox
from federation.vocabulary import uris
from server.api.common import number, own, visible
from server.api.listing import shown
from server.entities import taken_back
from server.entities.shared import Rendered
from server.http.app_keys import DATABASE
from server.http.errors import not_found
from server.http.guard import Access, Route, current_user, get, post
from server.http.pagination import page_of
from server.http.responses import answer
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer
from storage.people.actors import Actor
from storage.posts import quotes, visible_posts
from storage.posts.quotes import Quote
from storage.posts.visibility import Viewer
from storage.posts.visible_posts import Post
from storage.reading import timelines
from storage.reading.timelines import Line


async def several(request: web.Request) -> web.Response:
    viewer, id_ = current_user(request).viewer, number(request)

    def find(reader: Reader, page: Page) -> list[Line]:
        return timelines.quoting(reader, viewer, visible(reader, viewer, id_).id, page)

    return await shown(request, find, page_of(request), always_next=False)


async def revoke(request: web.Request) -> web.Response:
    """The quoting post as it is shown then."""
    who, quoted, quoting = current_user(request), number(request), number(request, "quoting_id")
    return answer(await request.app[DATABASE].write(_revoke, who.me, who.viewer, quoted, quoting))


def _revoke(
    writer: Writer, me: Actor, viewer: Viewer, quoted: int, quoting: int
) -> Rendered | dict[str, Any]:
    target, quoter = own(writer, me, viewer, quoted), visible_posts.once_seen(writer, quoting)
    given = quotes.by_request(writer, quoter.uri, target.id) if quoter else None
    if quoter is None or given is None:
        raise not_found()
    seen = visible_posts.by_id(writer, viewer, quoter.id)
    if seen is None and given.state not in (quotes.APPROVED, quotes.REVOKED):
        raise not_found()  # nothing was given, so there is nothing to take back
    if given.state == quotes.APPROVED:
        _take_back(writer, me, target, given)
    return taken_back.one(writer, viewer, me.id, quoter)


def _take_back(writer: Writer, me: Actor, quoted: Post, given: Quote) -> None:
    """Said to whoever may have asked for the stamp (FEP-044f)."""
    stamp = given.stamp or uris.approval(writer.site, writer.new_id())
    quotes.stamp(writer, given.id, stamp)
    whole = consent(stamp, me, given.request, quoted.uri)
    said = Delete(id=outbox.new_uri(writer), actor=me.uri, what=stamp, consent=whole)
    outbox.publish(writer, said)


_ALL = "/api/v1/statuses/{id}/quotes"

ROUTES: list[Route] = [
    get(_ALL, several, Access.MEMBER, "read:statuses"),
    post(f"{_ALL}/{{quoting_id}}/revoke", revoke, Access.MEMBER, "write:statuses"),
]
