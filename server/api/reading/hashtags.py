"""Hashtags: one by name, those that a member follows, and those that a profile shows."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from server.actions.finding import visible_actor
from server.actions.posts import markup
from server.api.common import actor_number, number
from server.entities import shapes
from server.entities import tag as tag_entity
from server.http.app_keys import DATABASE
from server.http.errors import not_found, unprocessable
from server.http.forms import form_of
from server.http.guard import Access, Route, current_user, delete, get, post
from server.http.pagination import answer_with_links, page_of
from server.http.responses import answer
from storage.engine.ids import ActorId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer
from storage.posts.visibility import Member, Viewer
from storage.reading import featured_hashtags, followed_tags

LONGEST = 100


async def show(request: web.Request) -> web.Response:
    name = request.match_info["name"].casefold()
    viewer = current_user(request).viewer
    return answer(await request.app[DATABASE].read(tag_entity.one, viewer, name))


def name_of(text: str) -> str | None:
    """A hashtag as written, without `#`; None for what is none."""
    name = text.strip().removeprefix("#")
    valid = len(name) <= LONGEST and markup.find_hashtags(f"#{name}") == [name]
    return name if valid else None


Act = Callable[[Writer, ActorId, str], None]


def _acting(act: Act) -> Callable[[web.Request], Any]:
    def unit(writer: Writer, me: ActorId, name: str) -> shapes.Tag:
        act(writer, me, name)
        return tag_entity.one(writer, Member(me), name.casefold())

    async def handle(request: web.Request) -> web.Response:
        name = name_of(request.match_info["name"])
        if name is None:
            raise not_found()
        return answer(await request.app[DATABASE].write(unit, current_user(request).me.id, name))

    return handle


def _follow(writer: Writer, me: ActorId, name: str) -> None:
    if followed_tags.count(writer, me) >= followed_tags.MOST:
        raise unprocessable(f"There is room for {followed_tags.MOST} followed hashtags.")
    followed_tags.add(writer, me, name.casefold())


def _unfollow(writer: Writer, me: ActorId, name: str) -> None:
    followed_tags.remove(writer, me, name.casefold())


async def list_followed(request: web.Request) -> web.Response:
    page = page_of(request, 100, 200)
    body, cursors = await request.app[DATABASE].read(
        _page_of_followed, current_user(request).me.id, page
    )
    return answer_with_links(request, body, cursors, page, previous="since_id", always_next=False)


def _page_of_followed(
    reader: Reader, me: ActorId, page: Page
) -> tuple[list[shapes.Tag], list[int]]:
    found = followed_tags.page_of(reader, me, page)
    tags = tag_entity.many(reader, Member(me), [name for _, name in found])
    return tags, [cursor for cursor, _ in found]


# ---- on profiles ----


def _feature(writer: Writer, me: ActorId, name: str) -> None:
    known = featured_hashtags.names(writer, me)
    if name.casefold() not in known and len(known) >= featured_hashtags.MOST:
        raise unprocessable(f"A profile has room for {featured_hashtags.MOST} hashtags.")
    featured_hashtags.add(writer, me, followed_tags.number_of(writer, name.casefold()), name)


def _unfeature(writer: Writer, me: ActorId, name: str) -> None:
    featured_hashtags.remove_by_name(writer, me, name.casefold())


async def feature(request: web.Request) -> web.Response:
    name = name_of((await form_of(request)).required_text("name", 1000))
    if name is None:
        raise unprocessable("Validation failed: Name is not a hashtag")
    me = current_user(request).me.id
    return answer(await request.app[DATABASE].write(_feature_and_render, me, name))


def _feature_and_render(writer: Writer, me: ActorId, name: str) -> shapes.FeaturedTag:
    _feature(writer, me, name)
    found = featured_hashtags.of(writer, Member(me), me)
    return next(
        tag_entity.render_featured(writer.site, one)
        for one in found
        if one.name.casefold() == name.casefold()
    )


async def unfeature(request: web.Request) -> web.Response:
    me, id_ = current_user(request).me.id, number(request)
    if not await request.app[DATABASE].write(featured_hashtags.remove, me, id_):
        raise not_found()
    return answer({})


async def list_featured(request: web.Request) -> web.Response:
    who = current_user(request)
    return answer(await request.app[DATABASE].read(_read_featured, who.viewer, who.me.id))


def _read_featured(reader: Reader, viewer: Viewer, id_: ActorId) -> list[shapes.FeaturedTag]:
    found = featured_hashtags.of(reader, viewer, visible_actor(reader, id_).id)
    return [tag_entity.render_featured(reader.site, one) for one in found]


async def list_featured_by(request: web.Request) -> web.Response:
    viewer = current_user(request).viewer
    return answer(await request.app[DATABASE].read(_read_featured, viewer, actor_number(request)))


async def suggestions(request: web.Request) -> web.Response:
    return answer(await request.app[DATABASE].read(_suggestions, current_user(request).me.id))


def _suggestions(reader: Reader, me: ActorId) -> list[shapes.Tag]:
    return tag_entity.many(reader, Member(me), featured_hashtags.suggest(reader, me))


_ONE = "/api/v1/tags/{name}"
_FEATURED = "/api/v1/featured_tags"

ROUTES: list[Route] = [
    get(_ONE, show, Access.PUBLIC),
    post(f"{_ONE}/follow", _acting(_follow), Access.MEMBER, "write:follows"),
    post(f"{_ONE}/unfollow", _acting(_unfollow), Access.MEMBER, "write:follows"),
    post(f"{_ONE}/feature", _acting(_feature), Access.MEMBER, "write:accounts"),
    post(f"{_ONE}/unfeature", _acting(_unfeature), Access.MEMBER, "write:accounts"),
    get("/api/v1/followed_tags", list_followed, Access.MEMBER, "read:follows"),
    get(_FEATURED, list_featured, Access.MEMBER, "read:accounts"),
    post(_FEATURED, feature, Access.MEMBER, "write:accounts"),
    get(f"{_FEATURED}/suggestions", suggestions, Access.MEMBER, "read:accounts"),
    delete(f"{_FEATURED}/{{id}}", unfeature, Access.MEMBER, "write:accounts"),
    get("/api/v1/accounts/{id}/featured_tags", list_featured_by, Access.PUBLIC, "read:accounts"),
]
