"""Public pages: the front page, profiles, threads, hashtags, and the files of pages."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from hashlib import sha256
from pathlib import Path
from urllib.parse import quote

from aiohttp import web
from aiohttp.typedefs import Handler

from server.activitypub import documents
from server.http.app_keys import DATABASE
from server.http.errors import not_found
from server.http.guard import Access, Route, page
from server.http.peer_access import PRIVATE, ForPeers, bearing_keys, wants_document
from server.pages import presenters, site
from server.pages.presenters import RenderOptions
from server.pages.render import STATIC
from server.pages.site import PageRequest, PageResponse, View
from server.pages.views import (
    AboutView,
    HashtagView,
    LandingView,
    PostView,
    ProfileView,
    ThreadView,
    TombstoneView,
    hang_answers,
)
from storage.access import accounts
from storage.engine.ids import PostId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader
from storage.people import actors
from storage.people.actors import Actor
from storage.posts import visible_posts
from storage.posts.visibility import Viewer
from storage.posts.visible_posts import Post
from storage.reading import timelines
from storage.reading.timelines import Entry, Shown, Tagged

ON_LANDING = 10
ON_PROFILE = 20
ON_HASHTAG = 20
HOUR = "public, max-age=3600"
LONGEST_TAG = 200


# ---- the place ----


async def landing(request: web.Request) -> web.Response:
    """GET /: what the place is for, and what was said in the open."""
    return await site.show(
        request, site.page_request(request, site.me_of(request)), "landing", _landing
    )


def _landing(reader: Reader, page_request: PageRequest) -> LandingView:
    found = timelines.public(reader, page_request.viewer, Page(ON_LANDING * 3), local=True)
    return LandingView(_public_posts(reader, page_request, found)[:ON_LANDING])


def _public_posts(
    reader: Reader, page_request: PageRequest, found: list[Entry]
) -> tuple[PostView, ...]:
    """Posts for everybody, of those that this reader may see and wants to see."""
    open_ = [one for one in found if one.post.kind == "public" and not one.post.local_only]
    options = RenderOptions(page_request.settings.title, page_request.locale, public_is_plain=True)
    return presenters.entries(reader, page_request.viewer, open_, options)


async def about(request: web.Request) -> web.Response:
    """GET /about: the charter, who looks after the place, and how to reach them."""
    page_request = site.page_request(request, site.me_of(request), current_page="about")
    return await site.show(request, page_request, "about", lambda _reader, _asked: AboutView())


# ---- somebody ----


@dataclass(frozen=True, slots=True)
class _Gone:
    """Tombstone of something that the reader could see."""

    view: TombstoneView


async def profile(request: web.Request) -> web.StreamResponse:
    """GET /@name: one of ours, for people; servers get the document (SECURITY 31)."""
    if wants_document(request):
        return await _profile_document(request)
    name, part = request.match_info["name"], _part(request)

    def unit(reader: Reader, page_request: PageRequest) -> ProfileView | _Gone:
        return _profile(reader, page_request, name, part)

    return await _show(request, "profile", unit)


@bearing_keys
async def _profile_document(request: web.Request, _: Viewer) -> web.Response:
    found = await request.app[DATABASE].read(_ours, request.match_info["name"])
    return _unkept(await documents.actor_document(request, documents.local_actor(found)))


def _unkept(response: web.Response) -> web.Response:
    """Kept by no cache, as one that does not heed Vary would mix page and document."""
    response.headers["Cache-Control"] = PRIVATE
    return response


def _ours(reader: Reader, name: str) -> Actor:
    """An actor of ours that has a page; 404 for all that has none, in the same words."""
    found = actors.by_handle(reader, name)
    if found is None or found.type == "Application" or found.effective_state == "suspended":
        raise not_found()
    account = accounts.by_actor(reader, found.id)
    if account is not None and account.state == "pending":
        raise not_found()
    return found


def _profile(
    reader: Reader, page_request: PageRequest, name: str, part: "_Part"
) -> ProfileView | _Gone:
    actor = _ours(reader, name)
    if actor.effective_state == "deleted":
        return _Gone(TombstoneView("account"))
    shown = Shown(replies=False, direct=False)
    found = timelines.account(reader, page_request.viewer, actor.id, shown, part.page(ON_PROFILE))
    found, earlier, newer = part.cut_page(found, ON_PROFILE, f"/@{actor.name}")
    options = RenderOptions(page_request.settings.title, page_request.locale)
    return ProfileView(
        presenters.whole_person(reader, actor),
        posts=presenters.entries(reader, page_request.viewer, found, options),
        earlier_url=earlier,
        newer_url=newer,
        activity_url=actor.uri,
        indexable=actor.indexable,
    )


# ---- a post with its conversation ----


async def thread(request: web.Request) -> web.StreamResponse:
    """GET /@name/id: a post of ours, what it answers and what answers it; servers as above."""
    if wants_document(request):
        return await _post_document(request)
    name, id_ = request.match_info["name"], PostId(int(request.match_info["id"]))

    def unit(reader: Reader, page_request: PageRequest) -> ThreadView | _Gone:
        return _thread(reader, page_request, name, id_)

    return await _show(request, "thread", unit)


@ForPeers
async def _post_document(request: web.Request, viewer: Viewer) -> web.Response:
    """Document at the web address itself: a redirect is followed with the first signature."""
    name, id_ = request.match_info["name"], PostId(int(request.match_info["id"]))
    author = await request.app[DATABASE].read(_ours, name)
    return _unkept(await documents.post_document(request, viewer, id_, author.id))


def _thread(
    reader: Reader, page_request: PageRequest, name: str, id_: PostId
) -> ThreadView | _Gone:
    author = _ours(reader, name)
    post = visible_posts.by_id(reader, page_request.viewer, id_)
    if post is None:
        if visible_posts.was_there(reader, page_request.viewer, id_):
            return _Gone(TombstoneView())
        raise not_found()
    if post.author != author.id:
        raise not_found()
    above = visible_posts.ancestors(reader, page_request.viewer, post)
    below = visible_posts.descendants(reader, page_request.viewer, post)
    told = _conversation(reader, page_request, [*above, post, *below])
    return ThreadView(
        post=told[post.id],
        ancestors=tuple(told[one.id] for one in above if one.id in told),
        answers=hang_answers(
            str(post.id),
            [(told[one.id], str(one.in_reply_to)) for one in below if one.id in told],
        ),
        activity_url=post.uri,
        indexable=author.indexable and post.kind == "public" and post.listed,
    )


def _conversation(
    reader: Reader, page_request: PageRequest, found: list[Post]
) -> dict[int, PostView]:
    options = RenderOptions(page_request.settings.title, page_request.locale)
    return {
        int(one.id): one for one in presenters.posts(reader, found, options, page_request.viewer)
    }


# ---- a hashtag ----


async def hashtag(request: web.Request) -> web.StreamResponse:
    """GET /tags/name: what members said about it in the open."""
    name, part = request.match_info["name"][:LONGEST_TAG], _part(request)
    return await site.show(
        request,
        site.page_request(request, site.me_of(request)),
        "hashtag",
        lambda reader, page_request: _hashtag(reader, page_request, name, part),
    )


def _hashtag(reader: Reader, page_request: PageRequest, name: str, part: "_Part") -> HashtagView:
    page = part.page(ON_HASHTAG)
    found = timelines.hashtag(
        reader, page_request.viewer, Tagged(name.casefold()), page, local=True
    )
    found, earlier, _ = part.cut_page(found, ON_HASHTAG, f"/tags/{quote(name, safe='')}")
    return HashtagView(name, _public_posts(reader, page_request, found), earlier)


# ---- common ----


async def _show(request: web.Request, template: str, unit: View) -> web.Response:
    """The page, or the one that says that something was here."""
    page_request = site.page_request(request, site.me_of(request))
    view, frame = await site.read(request, page_request, unit)
    if isinstance(view, _Gone):
        return site.answer(request, page_request, PageResponse("gone", frame, view.view, 410))
    return site.answer(request, page_request, PageResponse(template, frame, view))


@dataclass(frozen=True, slots=True)
class _Part:
    """Part of a long list that is asked for: what lies before a line of it, or after one."""

    before: int | None = None
    after: int | None = None

    def page(self, most: int) -> Page:
        """Ask for one line more than is shown: it tells whether the list goes on."""
        return Page(most + 1, max_id=self.before, min_id=self.after)

    def cut_page(
        self, found: list[Entry], most: int, address: str
    ) -> tuple[list[Entry], str | None, str | None]:
        """The lines to show, and the addresses of those before and after them."""
        upwards = self.after is not None
        more = len(found) > most
        kept = found[-most:] if upwards else found[:most]
        if not kept:
            return kept, None, address if upwards or self.before else None
        earlier, newer = (True, more) if upwards else (more, self.before is not None)
        return (
            kept,
            f"{address}?before={kept[-1].cursor}" if earlier else None,
            f"{address}?after={kept[0].cursor}" if newer else None,
        )


def _part(request: web.Request) -> _Part:
    """A number that is none of ours is as if it were not there."""
    before = _number(request.query.get("before", ""))
    return _Part(before, None if before is not None else _number(request.query.get("after", "")))


def _number(text: str) -> int | None:
    return int(text) if text.isdecimal() and text.isascii() and len(text) < 19 else None


# ---- files ----


@dataclass(frozen=True, slots=True)
class File:
    """A file of the pages, as it is sent."""

    data: bytes
    mime: str
    tag: str


_TYPES = {
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
    ".png": "image/png",
}


@cache
def files() -> Mapping[str, File]:
    """Every file by its path below /static, read once."""
    found = [path for path in STATIC.rglob("*") if path.suffix in _TYPES and path.is_file()]
    return {path.relative_to(STATIC).as_posix(): _file(path) for path in found}


def _file(path: Path) -> File:
    data = path.read_bytes()
    return File(data, _TYPES[path.suffix], sha256(data).hexdigest()[:32])


async def static(request: web.Request) -> web.Response:
    """GET /static/path: kept by browsers for an hour, then asked for by its hash."""
    return _send(request, request.match_info["path"])


async def icon(request: web.Request) -> web.Response:
    """GET /favicon.ico: where browsers look that have not read the page."""
    return _send(request, "kith.svg")


def _send(request: web.Request, path: str) -> web.Response:
    file = files().get(path)
    if file is None:
        raise not_found()
    headers = {"Cache-Control": HOUR, "ETag": f'"{file.tag}"', "Vary": "Accept-Encoding"}
    if file.tag in {tag.value for tag in request.if_none_match or ()}:
        return web.Response(status=304, headers=headers)
    charset = "utf-8" if file.mime.startswith("text/") else None
    return web.Response(body=file.data, content_type=file.mime, charset=charset, headers=headers)


ROBOTS = """\
User-agent: *
Disallow: /api/
Disallow: /login
Disallow: /oauth/
Disallow: /reset
Disallow: /settings
Disallow: /signup
"""


async def robots(_: web.Request) -> web.Response:
    """GET /robots.txt: pages of people say for themselves whether they want to be found."""
    return web.Response(text=ROBOTS, headers={"Cache-Control": HOUR})


def _fixed_route(path: str, handler: Handler) -> Route:
    """The same for everybody."""
    return Route(
        method="GET", path=path, handler=handler, access=Access.ANYBODY, limits=("document",)
    )


ROUTES: list[Route] = [
    page("/", landing),
    page("/about", about),
    page("/@{name}", profile),
    page("/@{name}/{id:[0-9]{1,18}}", thread),
    page("/tags/{name}", hashtag),
    _fixed_route("/static/{path:.+}", static),
    _fixed_route("/favicon.ico", icon),
    _fixed_route("/robots.txt", robots),
]
