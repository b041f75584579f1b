"""Finding people: `/api/v1/suggestions`, `/api/v2/suggestions`, and the directory."""

from aiohttp import web

from server.actions.finding import visible_actor
from server.api.common import actor_number
from server.entities import account as account_entity
from server.entities import shapes
from server.http.app_keys import DATABASE
from server.http.forms import form_of
from server.http.guard import Access, Route, current_user, delete, get
from server.http.pagination import answer_with_offset_links
from server.http.responses import answer
from storage.engine.ids import NOBODY, ActorId
from storage.engine.transaction import Reader, Writer
from storage.people import suggestions

MOST_OFFSET = 1000


async def _suggest(request: web.Request) -> list[shapes.Account]:
    form = await form_of(request)
    most = min(abs(form.number("limit") or 40), 80)
    return await request.app[DATABASE].read(_read_suggestions, current_user(request).me.id, most)


def _read_suggestions(reader: Reader, me: ActorId, most: int) -> list[shapes.Account]:
    return account_entity.in_order(reader, suggestions.of(reader, me, most))


async def several(request: web.Request) -> web.Response:
    """People of this server who want to be found: chosen by nobody, ranked by nothing."""
    found = await _suggest(request)
    return answer([{"source": "staff", "sources": ["featured"], "account": one} for one in found])


async def older(request: web.Request) -> web.Response:
    return answer(await _suggest(request))


async def dismiss(request: web.Request) -> web.Response:
    await request.app[DATABASE].write(_dismiss, current_user(request).me.id, actor_number(request))
    return answer({})


def _dismiss(writer: Writer, me: ActorId, id_: ActorId) -> None:
    suggestions.dismiss(writer, me, visible_actor(writer, id_).id)


async def directory(request: web.Request) -> web.Response:
    form, who = await form_of(request), current_user(request)
    offset = max(form.number("offset") or 0, 0)
    most = min(abs(form.number("limit") or 40), 80)
    if offset > MOST_OFFSET:
        return answer([])
    found = await request.app[DATABASE].read(
        _directory,
        who.actor.id if who.actor else NOBODY,
        most,
        offset,
        bool(form.flag("local")),
        form.text("order") == "new",
    )
    return answer_with_offset_links(request, found, offset)


def _directory(
    reader: Reader, me: ActorId, most: int, offset: int, local: bool, new: bool
) -> list[shapes.Account]:
    found = suggestions.directory(reader, me, most, offset, local=local, new=new)
    return account_entity.in_order(reader, found)


_ALL = "/api/v1/suggestions"

ROUTES: list[Route] = [
    get("/api/v2/suggestions", several, Access.MEMBER, "read:accounts"),
    get(_ALL, older, Access.MEMBER, "read:accounts"),
    delete(f"{_ALL}/{{id}}", dismiss, Access.MEMBER, "write:accounts"),
    get("/api/v1/directory", directory, Access.PUBLIC),
]
