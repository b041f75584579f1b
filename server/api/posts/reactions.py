"""Favourite, boost, bookmark and their undoing; who favourited and boosted."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from server.actions.finding import HasOnPost, post_to_take_back_from, visible_post
from server.actions.posts import reactions
from server.api.common import post_number
from server.entities import account as account_entity
from server.entities import shapes, taken_back
from server.entities import status as status_entity
from server.entities.json_parts import Rendered, Unfolded
from server.http.app_keys import DATABASE
from server.http.errors import unprocessable
from server.http.forms import form_of
from server.http.guard import Access, Route, current_user, get, post
from server.http.pagination import answer_with_links, page_of
from server.http.responses import answer
from storage.engine.ids import ActorId, PostId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer
from storage.people.actors import Actor
from storage.posts import boosts, favourites
from storage.posts.visibility import Viewer
from storage.posts.visible_posts import Post
from storage.reading import bookmarks, thread_mutes

Act = Callable[[Writer, Actor, Post], None]


def _acting(act: Act) -> Callable[[web.Request], Any]:
    """A handler: the post as the user may see it, the act, the post again; one unit."""

    def unit(writer: Writer, me: Actor, viewer: Viewer, id_: PostId) -> Rendered:
        post = visible_post(writer, viewer, id_)
        act(writer, me, post)
        return status_entity.one(writer, viewer, visible_post(writer, viewer, post.id))

    async def handle(request: web.Request) -> web.Response:
        who = current_user(request)
        shown = await request.app[DATABASE].write(unit, who.me, who.viewer, post_number(request))
        return answer(shown)

    return handle


def _taking_back(act: Act, has: HasOnPost) -> Callable[[web.Request], Any]:
    """A handler that needs only the user's own row, which `has` finds (SECURITY 96)."""

    def unit(writer: Writer, me: Actor, viewer: Viewer, id_: PostId) -> Rendered | Unfolded:
        post = post_to_take_back_from(writer, viewer, me.id, id_, has)
        act(writer, me, post)
        return taken_back.one(writer, viewer, me.id, post)

    async def handle(request: web.Request) -> web.Response:
        who = current_user(request)
        shown = await request.app[DATABASE].write(unit, who.me, who.viewer, post_number(request))
        return answer(shown)

    return handle


async def reblog(request: web.Request) -> web.Response:
    """Boost for the audience that is asked for now, or that the member chose for all posts."""
    form, who = await form_of(request), current_user(request)
    visibility = form.text("visibility") or None
    if visibility is not None and visibility not in reactions.BOOST_VISIBILITIES:
        raise unprocessable("A boost is public, unlisted or private. Nothing was boosted.")
    default = str(who.own_account.settings.get("privacy", "public"))
    shown = await request.app[DATABASE].write(
        _reblog, who.me, who.viewer, post_number(request), visibility, default
    )
    return answer(shown)


def _reblog(
    writer: Writer, me: Actor, viewer: Viewer, id_: PostId, visibility: str | None, default: str
) -> Rendered:
    post = visible_post(writer, viewer, id_)
    made = reactions.boost(writer, me, post, visibility, default)
    return status_entity.of_boost(writer, viewer, made, visible_post(writer, viewer, post.id))


def _favouriters(
    reader: Reader, post: PostId, page: Page, viewer: Viewer
) -> list[tuple[int, ActorId]]:
    return favourites.page_of(reader, post, page)


def _listing(
    find: Callable[[Reader, PostId, Page, Viewer], list[tuple[int, ActorId]]],
) -> Callable[[web.Request], Any]:
    """Make a handler that lists the accounts that did something to a post."""

    def unit(
        reader: Reader, viewer: Viewer, id_: PostId, page: Page
    ) -> tuple[list[shapes.Account], list[int]]:
        found = find(reader, visible_post(reader, viewer, id_).id, page, viewer)
        people = account_entity.in_order(reader, [actor for _, actor in found])
        return people, [cursor for cursor, _ in found]

    async def handle(request: web.Request) -> web.Response:
        page = page_of(request, 40, 80)
        viewer = current_user(request).viewer
        body, cursors = await request.app[DATABASE].read(unit, viewer, post_number(request), page)
        return answer_with_links(
            request, body, cursors, page, previous="since_id", always_next=False
        )

    return handle


_ONE = "/api/v1/statuses/{id}"

ROUTES: list[Route] = [
    post(f"{_ONE}/favourite", _acting(reactions.favourite), Access.MEMBER, "write:favourites"),
    post(
        f"{_ONE}/unfavourite",
        _taking_back(reactions.unfavourite, reactions.has_favourited),
        Access.MEMBER,
        "write:favourites",
    ),
    post(f"{_ONE}/reblog", reblog, Access.MEMBER, "write:statuses"),
    post(
        f"{_ONE}/unreblog",
        _taking_back(reactions.unboost, reactions.has_boosted),
        Access.MEMBER,
        "write:statuses",
    ),
    post(f"{_ONE}/bookmark", _acting(reactions.bookmark), Access.MEMBER, "write:bookmarks"),
    post(
        f"{_ONE}/unbookmark",
        _taking_back(reactions.unbookmark, bookmarks.exists),
        Access.MEMBER,
        "write:bookmarks",
    ),
    post(f"{_ONE}/mute", _acting(reactions.mute_thread), Access.MEMBER, "write:mutes"),
    post(
        f"{_ONE}/unmute",
        _taking_back(reactions.unmute_thread, thread_mutes.is_muted_by),
        Access.MEMBER,
        "write:mutes",
    ),
    get(f"{_ONE}/favourited_by", _listing(_favouriters), Access.PUBLIC, "read:statuses"),
    get(f"{_ONE}/reblogged_by", _listing(boosts.page_of), Access.PUBLIC, "read:statuses"),
]
