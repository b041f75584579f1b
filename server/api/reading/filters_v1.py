"""`/api/v1/filters`: filters as clients knew them before 4.0, one for each phrase."""

from dataclasses import replace

from aiohttp import web

from server.actions.reading import filters as actions
from server.actions.reading.filters import FilterParams, KeywordParams, own, own_keyword
from server.api.common import number
from server.api.reading.filters import parse_contexts, parse_end, parse_phrase
from server.entities import filter as filter_entity
from server.entities import shapes
from server.http.app_keys import DATABASE
from server.http.forms import form_of
from server.http.guard import Access, Route, current_user, delete, get, post, put
from server.http.responses import answer
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.reading import filters


async def several(request: web.Request) -> web.Response:
    found = await request.app[DATABASE].read(filters.of, current_user(request).me.id)
    return answer([filter_entity.older(one, word) for one in found for word in one.keywords])


async def show(request: web.Request) -> web.Response:
    return answer(
        await request.app[DATABASE].read(_show, current_user(request).me.id, number(request))
    )


def _show(reader: Reader, me: ActorId, id_: int) -> shapes.V1Filter:
    word = own_keyword(reader, me, id_)
    return filter_entity.older(own(reader, me, word.filter), word)


async def create(request: web.Request) -> web.Response:
    form, me = await form_of(request), current_user(request).me.id
    phrase = parse_phrase(form, "phrase")
    params = FilterParams(
        title=phrase,
        contexts=parse_contexts(form),
        action="hide" if form.flag("irreversible") else "warn",
        lasts=parse_end(form),
        keywords=(KeywordParams(phrase=phrase, whole=bool(form.flag("whole_word"))),),
    )
    return answer(await request.app[DATABASE].write(_create, me, params))


def _create(writer: Writer, me: ActorId, params: FilterParams) -> shapes.V1Filter:
    return _show(writer, me, actions.create(writer, me, params).keywords[0].id)


async def change(request: web.Request) -> web.Response:
    form, me = await form_of(request), current_user(request).me.id
    hides = form.flag("irreversible")
    params = FilterParams(
        contexts=parse_contexts(form) if "context" in form else None,
        action=None if hides is None else "hide" if hides else "warn",
        ends_anew="expires_in" in form,
        lasts=parse_end(form),
    )
    phrase = parse_phrase(form, "phrase") if "phrase" in form else None
    word = KeywordParams(phrase=phrase, whole=form.flag("whole_word"))
    return answer(await request.app[DATABASE].write(_change, me, number(request), params, word))


def _change(
    writer: Writer, me: ActorId, id_: int, params: FilterParams, word: KeywordParams
) -> shapes.V1Filter:
    """A filter of one phrase is called by it."""
    before = own_keyword(writer, me, id_)
    known = own(writer, me, before.filter)
    title = (word.phrase or before.keyword) if len(known.keywords) == 1 else None
    keywords = (replace(word, id=before.id),)
    actions.change(writer, me, known.id, replace(params, title=title, keywords=keywords))
    return _show(writer, me, id_)


async def remove(request: web.Request) -> web.Response:
    await request.app[DATABASE].write(_remove, current_user(request).me.id, number(request))
    return answer({})


def _remove(writer: Writer, me: ActorId, id_: int) -> None:
    """The filter goes with its last phrase."""
    word = own_keyword(writer, me, id_)
    known = own(writer, me, word.filter)
    if len(known.keywords) == 1 and not known.posts:
        filters.remove(writer, known.id)
    else:
        filters.remove_keywords(writer, [word.id])


_ALL = "/api/v1/filters"
_ONE = "/api/v1/filters/{id}"

ROUTES: list[Route] = [
    get(_ALL, several, Access.MEMBER, "read:filters"),
    post(_ALL, create, Access.MEMBER, "write:filters"),
    get(_ONE, show, Access.MEMBER, "read:filters"),
    put(_ONE, change, Access.MEMBER, "write:filters"),
    delete(_ONE, remove, Access.MEMBER, "write:filters"),
]
