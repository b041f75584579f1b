"""`/api/v2/search`: handles, addresses, hashtags."""

from typing import Any

from aiohttp import web

from federation.errors import FederationError
from federation.lookup import Budget
from server import auth
from server.api.accounts import find_people
from server.entities import account as account_entity
from server.entities import status as status_entity
from server.entities import tag as tag_entity
from server.forms import Form, form_of
from server.keys import DATABASE, LOOKUP
from server.policies import Route, Who, caller, get
from server.replies import answer
from storage import actors, tags, visible_posts
from storage.actors import Actor
from storage.units import Reader
from storage.visibility import Viewer

LONGEST = 2048


async def search(request: web.Request) -> web.Response:
    """Always all three lists. `resolve` goes to other servers, for members only (SECURITY 37)."""
    form, who = await form_of(request), caller(request)
    text = form.needed("q", LONGEST).strip()
    resolve = bool(form.flag("resolve"))
    if (resolve or form.number("offset")) and who.actor is None:
        raise auth.unauthorised("Search queries that resolve remote resources are not supported")
    if form.number("offset"):
        return answer({"accounts": [], "statuses": [], "hashtags": []})
    if text.startswith(("http://", "https://")):
        return answer(await _by_address(request, text, resolve=resolve))
    return answer(await _by_words(request, form, text, resolve=resolve))


async def _by_address(request: web.Request, address: str, *, resolve: bool) -> dict[str, Any]:
    """What an address leads to, fetched if need be: how clients open remote links."""
    database, viewer = request.app[DATABASE], caller(request).viewer
    found = await database.read(_known, viewer, address)
    if resolve and not (found["accounts"] or found["statuses"]):
        try:
            budget = Budget()
            document = await request.app[LOOKUP].object(address, budget)
            uri = str(document["id"])
            await request.app[LOOKUP].need(uri, budget)
        except FederationError:
            return found
        found = await database.read(_known, viewer, uri)
    return found


def _known(reader: Reader, viewer: Viewer, address: str) -> dict[str, Any]:
    post = visible_posts.by_uri(reader, viewer, address) or _by_page(reader, viewer, address)
    person = _person(reader, address)
    return {
        "accounts": [account_entity.one(reader, person)] if person else [],
        "statuses": status_entity.of_posts(reader, viewer, [post] if post else []),
        "hashtags": [],
    }


def _person(reader: Reader, address: str) -> Actor | None:
    found = actors.by_uri(reader, address)
    if found is None:
        name = address.removeprefix(f"{reader.here.origin}/@")
        ours = name != address and "/" not in name
        found = actors.by_handle(reader, name) if ours else actors.by_page(reader, address)
    shown = found is not None and found.state == "active" and found.type != "Application"
    return found if shown else None


def _by_page(reader: Reader, viewer: Viewer, address: str) -> Any:
    """A post by the address at which people read it."""
    ours = address.removeprefix(f"{reader.here.origin}/@").rpartition("/")[2]
    if address.startswith(f"{reader.here.origin}/@") and ours.isdecimal() and len(ours) < 20:
        return visible_posts.by_id(reader, viewer, int(ours))
    return visible_posts.by_page(reader, viewer, address)


async def _by_words(
    request: web.Request, form: Form, text: str, *, resolve: bool
) -> dict[str, Any]:
    kind, most = form.text("type"), min(form.number("limit") or 20, 40)
    database = request.app[DATABASE]
    people: list[Actor] = []
    if kind in (None, "", "accounts") and not text.startswith("#"):
        people = await find_people(request, text, most, resolve=resolve)
    viewer, names = caller(request).viewer, list[str]()
    if kind in (None, "", "hashtags") and not text.startswith("@"):
        names = await database.read(tags.starting_with, viewer, text.removeprefix("#"), most)
    return await database.read(_rendered, viewer, people, names)


def _rendered(
    reader: Reader, viewer: Viewer, people: list[Actor], names: list[str]
) -> dict[str, Any]:
    rendered = account_entity.render(reader, people)
    return {
        "accounts": [rendered[actor.id] for actor in people],
        "statuses": [],
        "hashtags": [tag_entity.one(reader, viewer, name) for name in names],
    }


async def tag(request: web.Request) -> web.Response:
    name = request.match_info["name"].casefold()
    viewer = caller(request).viewer
    return answer(await request.app[DATABASE].read(tag_entity.one, viewer, name))


ROUTES: list[Route] = [
    get("/api/v2/search", search, Who.PUBLIC, "read:search", limits=("api", "search")),
    get("/api/v1/tags/{name}", tag, Who.PUBLIC),
]
