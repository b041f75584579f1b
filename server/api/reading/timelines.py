"""`/api/v1/timelines`, and the lists of what a member favourited or keeps."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from server.api.listing import show_page
from server.http.forms import form_of
from server.http.guard import Access, Route, current_user, get
from server.http.pagination import page_of
from storage.engine.ids import ActorId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader
from storage.reading import timelines
from storage.reading.timelines import Entry, Line, Tagged


async def home(request: web.Request) -> web.Response:
    me = current_user(request).me.id
    return await show_page(
        request, lambda reader, page: timelines.home(reader, me, page), page_of(request)
    )


async def public(request: web.Request) -> web.Response:
    form = await form_of(request)
    local, remote = bool(form.flag("local")), bool(form.flag("remote"))
    viewer = current_user(request).viewer
    media = bool(form.flag("only_media"))

    def find(reader: Reader, page: Page) -> list[Entry]:
        return timelines.public(reader, viewer, page, local=local, remote=remote, media=media)

    return await show_page(request, find, page_of(request))


async def hashtag(request: web.Request) -> web.Response:
    form = await form_of(request)
    viewer = current_user(request).viewer
    local, remote = bool(form.flag("local")), bool(form.flag("remote"))
    tagged = Tagged(
        request.match_info["hashtag"].casefold(),
        *(
            tuple(name.casefold() for name in form.texts(which, 4))
            for which in ("any", "all", "none")
        ),
    )

    def find(reader: Reader, page: Page) -> list[Entry]:
        return timelines.hashtag(reader, viewer, tagged, page, local=local, remote=remote)

    return await show_page(request, find, page_of(request))


def _listing_of(
    find: Callable[[Reader, ActorId, Page], list[Line]],
) -> Callable[[web.Request], Any]:
    async def handle(request: web.Request) -> web.Response:
        me = current_user(request).me.id
        page = page_of(request)
        return await show_page(
            request, lambda reader, wanted: find(reader, me, wanted), page, always_next=False
        )

    return handle


ROUTES: list[Route] = [
    get("/api/v1/timelines/home", home, Access.MEMBER, "read:statuses"),
    get("/api/v1/timelines/public", public, Access.PUBLIC, "read:statuses"),
    get("/api/v1/timelines/tag/{hashtag}", hashtag, Access.PUBLIC, "read:statuses"),
    get("/api/v1/favourites", _listing_of(timelines.favourites), Access.MEMBER, "read:favourites"),
    get("/api/v1/bookmarks", _listing_of(timelines.bookmarks), Access.MEMBER, "read:bookmarks"),
]
