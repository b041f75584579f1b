"""Favourite, boost, bookmark and their undoing; who favourited and boosted."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from federation.activities import Announce, Like, Undo
from federation.outbound import outbox
from federation.vocabulary import addressing
from federation.vocabulary.addressing import Addressed
from server.api.common import Has, number, taking_back, visible
from server.entities import account as account_entity
from server.entities import status as status_entity
from server.entities import taken_back
from server.entities.shared import Rendered
from server.http.app_keys import DATABASE
from server.http.errors import unprocessable
from server.http.forms import form_of
from server.http.guard import Access, Route, current_user, get, post
from server.http.pagination import linked, page_of
from server.http.responses import answer
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer
from storage.people import actors
from storage.people.actors import Actor
from storage.posts import boosts, favourites
from storage.posts.audiences import PUBLIC, Audience
from storage.posts.boosts import Boost
from storage.posts.visibility import Viewer
from storage.posts.visible_posts import Post
from storage.reading import bookmarks, thread_mutes

Act = Callable[[Writer, Actor, Post], None]


def _acting(act: Act) -> Callable[[web.Request], Any]:
    """A handler: the post as the caller may see it, the act, the post again; one unit."""

    def unit(writer: Writer, me: Actor, viewer: Viewer, id_: int) -> Rendered:
        post = visible(writer, viewer, id_)
        act(writer, me, post)
        return status_entity.one(writer, viewer, visible(writer, viewer, post.id))

    async def handle(request: web.Request) -> web.Response:
        who = current_user(request)
        shown = await request.app[DATABASE].write(unit, who.me, who.viewer, number(request))
        return answer(shown)

    return handle


def _taking_back(act: Act, has: Has) -> Callable[[web.Request], Any]:
    """A handler that needs only the caller's own row, which `has` finds (SECURITY 96)."""

    def unit(writer: Writer, me: Actor, viewer: Viewer, id_: int) -> Rendered | dict[str, Any]:
        post = taking_back(writer, viewer, me.id, id_, has)
        act(writer, me, post)
        return taken_back.one(writer, viewer, me.id, post)

    async def handle(request: web.Request) -> web.Response:
        who = current_user(request)
        shown = await request.app[DATABASE].write(unit, who.me, who.viewer, number(request))
        return answer(shown)

    return handle


def _favourites(reader: Reader, me: int, post: int) -> bool:
    return favourites.uri_of(reader, me, post) is not None


def _boosts(reader: Reader, me: int, post: int) -> bool:
    return boosts.of(reader, me, post) is not None


def _favourite(writer: Writer, me: Actor, post: Post) -> None:
    if favourites.uri_of(writer, me.id, post.id) is None:
        outbox.publish(writer, Like(id=outbox.new_uri(writer), actor=me.uri, favourited=post.uri))


def _unfavourite(writer: Writer, me: Actor, post: Post) -> None:
    uri = favourites.uri_of(writer, me.id, post.id)
    if uri is not None:
        like = Like(id=uri, actor=me.uri, favourited=post.uri)
        outbox.publish(writer, Undo(id=outbox.new_uri(writer), actor=me.uri, inner=like))


def unreblog(writer: Writer, me: Actor, post: Post) -> None:
    boost = boosts.of(writer, me.id, post.id)
    if boost is not None:
        said = _announce(writer, me, post, boost.uri, _reach(me, boost))
        outbox.publish(writer, Undo(id=outbox.new_uri(writer), actor=me.uri, inner=said))


def _reach(me: Actor, boost: Boost) -> Addressed:
    if boost.kind == "public":
        return Addressed(PUBLIC, boost.listed)
    return Addressed(Audience("followers", owner=me.id))


def _announce(writer: Writer, me: Actor, post: Post, uri: str, addressed: Addressed) -> Announce:
    author = actors.by_id(writer, post.author)
    named = (author.uri,) if author else ()
    addresses = addressing.render(writer, me, addressed, named)
    return Announce(
        id=uri,
        actor=me.uri,
        shared=post.uri,
        to=addresses.to,
        cc=addresses.cc,
        published=writer.now,
    )


BOOST_VISIBILITIES = ("public", "unlisted", "private")


async def reblog(request: web.Request) -> web.Response:
    """For whom is the wish of the moment, or what the member chose for all they say."""
    form, who = await form_of(request), current_user(request)
    params = form.text("visibility") or None
    if params is not None and params not in BOOST_VISIBILITIES:
        raise unprocessable("A boost is public, unlisted or private. Nothing was boosted.")
    default = str(who.own_account.settings.get("privacy", "public"))
    shown = await request.app[DATABASE].write(
        _reblog, who.me, who.viewer, number(request), params, default
    )
    return answer(shown)


def _reblog(
    writer: Writer, me: Actor, viewer: Viewer, id_: int, params: str | None, default: str
) -> Rendered:
    post = visible(writer, viewer, id_)
    wanted = addressing.of_boost(params or default, me, post)
    before = boosts.of(writer, me.id, post.id)
    if before is None:
        outbox.publish(writer, _announce(writer, me, post, outbox.new_uri(writer), wanted))
    elif params and addressing.width(_reach(me, before)) > addressing.width(wanted):
        raise unprocessable("You have boosted this for more people. Take that back first.")
    boost = boosts.of(writer, me.id, post.id)
    if boost is None:
        raise LookupError("the share that was just made")
    return status_entity.of_boost(writer, viewer, boost, visible(writer, viewer, post.id))


def _bookmark(writer: Writer, me: Actor, post: Post) -> None:
    bookmarks.add(writer, me.id, post.id)


def _unbookmark(writer: Writer, me: Actor, post: Post) -> None:
    bookmarks.remove(writer, me.id, post.id)


def _mute(writer: Writer, me: Actor, post: Post) -> None:
    """Of the whole thread."""
    thread_mutes.add(writer, me.id, post.root, post.id)


def _unmute(writer: Writer, me: Actor, post: Post) -> None:
    thread_mutes.remove(writer, me.id, post.root)


def _favouriters(reader: Reader, post: int, page: Page, viewer: Viewer) -> list[tuple[int, int]]:
    return favourites.page_of(reader, post, page)


def _listing(
    find: Callable[[Reader, int, Page, Viewer], list[tuple[int, int]]],
) -> Callable[[web.Request], Any]:
    """Who did something to a post, as a list of accounts."""

    def unit(
        reader: Reader, viewer: Viewer, id_: int, page: Page
    ) -> tuple[list[dict[str, Any]], list[int]]:
        found = find(reader, visible(reader, viewer, id_).id, page, viewer)
        people = account_entity.in_order(reader, [actor for _, actor in found])
        return people, [cursor for cursor, _ in found]

    async def handle(request: web.Request) -> web.Response:
        page = page_of(request, 40, 80)
        viewer = current_user(request).viewer
        body, cursors = await request.app[DATABASE].read(unit, viewer, number(request), page)
        return linked(request, body, cursors, page, previous="since_id", always_next=False)

    return handle


_ONE = "/api/v1/statuses/{id}"

ROUTES: list[Route] = [
    post(f"{_ONE}/favourite", _acting(_favourite), Access.MEMBER, "write:favourites"),
    post(
        f"{_ONE}/unfavourite",
        _taking_back(_unfavourite, _favourites),
        Access.MEMBER,
        "write:favourites",
    ),
    post(f"{_ONE}/reblog", reblog, Access.MEMBER, "write:statuses"),
    post(f"{_ONE}/unreblog", _taking_back(unreblog, _boosts), Access.MEMBER, "write:statuses"),
    post(f"{_ONE}/bookmark", _acting(_bookmark), Access.MEMBER, "write:bookmarks"),
    post(
        f"{_ONE}/unbookmark",
        _taking_back(_unbookmark, bookmarks.exists),
        Access.MEMBER,
        "write:bookmarks",
    ),
    post(f"{_ONE}/mute", _acting(_mute), Access.MEMBER, "write:mutes"),
    post(
        f"{_ONE}/unmute", _taking_back(_unmute, thread_mutes.said_by), Access.MEMBER, "write:mutes"
    ),
    get(f"{_ONE}/favourited_by", _listing(_favouriters), Access.PUBLIC, "read:statuses"),
    get(f"{_ONE}/reblogged_by", _listing(boosts.page_of), Access.PUBLIC, "read:statuses"),
]
