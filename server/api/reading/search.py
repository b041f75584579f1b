"""`/api/v2/search`: handles, addresses, hashtags, and the words of posts."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from aiohttp import web

from federation.errors import FederationError
from federation.resolve.resolver import Budget
from federation.resolve.webfinger import typed_handle
from federation.vocabulary import own_addresses
from server.api.people.accounts import find_people, only_followed
from server.api.reading.search_query import parse
from server.entities import account as account_entity
from server.entities import shapes
from server.entities import status as status_entity
from server.entities import tag as tag_entity
from server.http import auth
from server.http.app_keys import DATABASE, RESOLVER
from server.http.auth import CurrentUser
from server.http.forms import Form, form_of
from server.http.guard import Access, Route, current_user, get
from server.http.pagination import answer_with_offset_links, page_of
from server.http.responses import answer
from storage.engine.ids import NOBODY, ActorId, PostId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader
from storage.people import actors
from storage.people.actors import Actor
from storage.posts import hashtags, visible_posts
from storage.posts.visibility import Viewer
from storage.reading.search import MOST_OFFSET
from storage.reading.search import posts as find_posts

LONGEST = 2048


async def search(request: web.Request) -> web.Response:
    """Always all three lists. `resolve` goes to other servers, for members only (SECURITY 37)."""
    form, who = await form_of(request), current_user(request)
    text = typed_handle(form.required_text("q", LONGEST))
    resolve = bool(form.flag("resolve"))
    if (resolve or form.number("offset")) and who.actor is None:
        raise auth.unauthorized_refusal(
            "Search queries that resolve remote resources are not supported"
        )
    if form.number("offset") and not form.text("type"):
        return answer({"accounts": [], "statuses": [], "hashtags": []})
    if text.startswith(("http://", "https://")) and not form.number("offset"):
        found = await _by_address(request, text, resolve=resolve)
        if any(found.values()):
            return answer(found)
    return await _by_text(request, _parse(form, text), resolve=resolve)


async def _by_address(request: web.Request, address: str, *, resolve: bool) -> shapes.Search:
    """Look up what an address leads to, fetched if need be: how clients open remote links."""
    database, viewer = request.app[DATABASE], current_user(request).viewer
    found = await database.read(_find_known, viewer, address)
    if resolve and not (found["accounts"] or found["statuses"]):
        try:
            budget = Budget()
            document = await request.app[RESOLVER].object(address, budget)
            uri = str(document["id"])
            await request.app[RESOLVER].need(uri, budget)
        except FederationError:
            return found
        found = await database.read(_find_known, viewer, uri)
    return found


def _find_known(reader: Reader, viewer: Viewer, address: str) -> shapes.Search:
    uri = own_addresses.find_uri(reader, address) or address
    post = visible_posts.by_uri(reader, viewer, uri) or visible_posts.by_page(reader, viewer, uri)
    person = _person(reader, uri)
    return {
        "accounts": [account_entity.one(reader, person)] if person else [],
        "statuses": status_entity.of_posts(reader, viewer, [post] if post else []),
        "hashtags": [],
    }


def _person(reader: Reader, uri: str) -> Actor | None:
    found = actors.by_uri(reader, uri) or actors.by_page(reader, uri)
    shown = found is not None and found.effective_state == "active" and found.type != "Application"
    return found if shown else None


@dataclass(frozen=True, slots=True)
class _Found:
    """Results of a search by words, before they are rendered."""

    people: Sequence[Actor] = ()
    posts: Sequence[PostId] = ()
    tags: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _SearchParams:
    """`kind` is one of accounts, statuses and hashtags; without it, all are searched.

    `offset` counts where one kind is asked for; `author` is the number of whoever wrote it.
    """

    text: str
    kind: str | None
    offset: int
    following: bool
    author: ActorId | None


def _parse(form: Form, text: str) -> _SearchParams:
    return _SearchParams(
        text=text,
        kind=form.text("type") or None,
        offset=max(form.number("offset") or 0, 0),
        following=bool(form.flag("following")),
        author=form.actor("account_id"),
    )


async def _by_text(request: web.Request, params: _SearchParams, *, resolve: bool) -> web.Response:
    """Search for each kind of thing from `offset` on, or only for the one kind asked for."""
    text, page, offset = params.text, page_of(request), params.offset
    if offset > MOST_OFFSET:
        return answer({"accounts": [], "statuses": [], "hashtags": []})
    people: list[Actor] = []
    if params.kind in (None, "accounts") and not text.startswith("#"):
        people = await find_people(request, text, page.limit + offset, resolve=resolve)
    found = await request.app[DATABASE].read(
        _render_object, current_user(request), params, page, people
    )
    count = len(found["accounts"]) + len(found["statuses"]) + len(found["hashtags"])
    return answer_with_offset_links(request, found, offset, count=count)


def _render_object(
    reader: Reader, who: CurrentUser, params: _SearchParams, page: Page, people: list[Actor]
) -> shapes.Search:
    kind, text, offset = params.kind, params.text, params.offset
    end = offset + page.limit
    names, posts = list[str](), list[PostId]()
    if kind in (None, "hashtags") and not text.startswith("@"):
        names = hashtags.starting_with(reader, who.viewer, text.removeprefix("#"), end)[offset:]
    searched = kind == "statuses" or (not kind and text[:1] not in "@#")
    if searched and who.actor is not None:
        posts = _posts(reader, who.actor, params, page)
    if params.following and who.actor is not None:
        people = only_followed(reader, who.actor.id, people)
    return _render(reader, who.viewer, _Found(people[offset:end], posts, names))


def _posts(reader: Reader, me: Actor, params: _SearchParams, page: Page) -> list[PostId]:
    """Posts that the member may search (storage/reading/search.py), narrowed by the operators."""
    asked = parse(params.text)
    if asked.nothing:
        return []
    wanted = asked.wanted
    by = [_writer(reader, me, handle) for handle, negated in asked.by if not negated]
    if params.author is not None:
        by = [params.author] if not by or params.author in by else [NOBODY]
    wanted = replace(
        wanted,
        authors=tuple(by) if by else None,
        not_authors=tuple(_writer(reader, me, handle) for handle, negated in asked.by if negated),
    )
    return find_posts(reader, me.id, wanted, page, params.offset)


def _writer(reader: Reader, me: Actor, handle: str) -> ActorId:
    """The number of somebody by handle; NOBODY where we do not know them."""
    if handle == "me":
        return me.id
    name, _, domain = handle.partition("@")
    ours = domain.lower() in ("", reader.site.domain.lower())
    found = actors.by_handle(reader, name, "" if ours else domain)
    return found.id if found else NOBODY


def _render(reader: Reader, viewer: Viewer, found: _Found) -> shapes.Search:
    people = account_entity.render(reader, found.people)
    posts = status_entity.by_number(reader, viewer, found.posts)
    return {
        "accounts": [people[actor.id] for actor in found.people],
        "statuses": [posts[post] for post in found.posts if post in posts],
        "hashtags": tag_entity.many(reader, viewer, found.tags),
    }


ROUTES: list[Route] = [
    get("/api/v2/search", search, Access.PUBLIC, "read:search", limits=("api", "search")),
]
