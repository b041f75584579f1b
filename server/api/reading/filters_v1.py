"""`/api/v1/filters`: filters as clients knew them before 4.0, one for each phrase."""

from dataclasses import replace
from typing import Any

from aiohttp import web

from server.api.common import number
from server.api.reading.filters import (
    contexts_of,
    ensure_fits,
    ensure_room,
    own,
    own_keyword,
    phrase_of,
    until,
)
from server.entities import filter as filter_entity
from server.http.app_keys import DATABASE
from server.http.forms import Form, form_of
from server.http.guard import Access, Route, current_user, delete, get, post, put
from server.http.responses import answer
from storage.engine.transaction import Reader, Writer
from storage.reading import filters


async def several(request: web.Request) -> web.Response:
    found = await request.app[DATABASE].read(filters.of, current_user(request).me.id)
    return answer([filter_entity.older(one, word) for one in found for word in one.keywords])


async def show(request: web.Request) -> web.Response:
    return answer(
        await request.app[DATABASE].read(_show, current_user(request).me.id, number(request))
    )


def _show(reader: Reader, me: int, id_: int) -> dict[str, Any]:
    word = own_keyword(reader, me, id_)
    return filter_entity.older(own(reader, me, word.filter), word)


async def create(request: web.Request) -> web.Response:
    form, me = await form_of(request), current_user(request).me.id
    return answer(await request.app[DATABASE].write(_create, me, form))


def _create(writer: Writer, me: int, form: Form) -> dict[str, Any]:
    ensure_room(writer, me)
    phrase, contexts = phrase_of(form, "phrase"), contexts_of(form)
    action = "hide" if form.flag("irreversible") else "warn"
    id_ = filters.add(writer, me, phrase, contexts, action, until(form, writer.now))
    word = filters.add_keyword(writer, id_, phrase, bool(form.flag("whole_word")))
    ensure_fits(writer, me, id_)
    return _show(writer, me, word.id)


async def change(request: web.Request) -> web.Response:
    form, me = await form_of(request), current_user(request).me.id
    return answer(await request.app[DATABASE].write(_change, me, number(request), form))


def _change(writer: Writer, me: int, id_: int, form: Form) -> dict[str, Any]:
    word = own_keyword(writer, me, id_)
    known = own(writer, me, word.filter)
    hides, whole = form.flag("irreversible"), form.flag("whole_word")
    phrase = phrase_of(form, "phrase") if "phrase" in form else word.keyword
    filters.change_keyword(
        writer, replace(word, keyword=phrase, whole=word.whole if whole is None else whole)
    )
    ensure_fits(writer, me, known.id)
    filters.change(
        writer,
        replace(
            known,
            title=phrase if len(known.keywords) == 1 else known.title,
            contexts=contexts_of(form) if "context" in form else known.contexts,
            action=known.action if hides is None else "hide" if hides else "warn",
            expires_at=until(form, writer.now) if "expires_in" in form else known.expires_at,
        ),
    )
    return _show(writer, me, id_)


async def remove(request: web.Request) -> web.Response:
    await request.app[DATABASE].write(_remove, current_user(request).me.id, number(request))
    return answer({})


def _remove(writer: Writer, me: int, id_: int) -> None:
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
