"""`/api/v2/filters`: what a member wants to be warned of, or not to see."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from aiohttp import web

from server.actions.finding import visible_post
from server.api.common import number
from server.entities import filter as filter_entity
from server.http.app_keys import DATABASE
from server.http.errors import Refused, not_found, unprocessable
from server.http.forms import Form, form_of
from server.http.guard import Access, Route, current_user, delete, get, post, put
from server.http.responses import answer
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.posts.visibility import Member
from storage.reading import filters
from storage.reading.filters import Filter, Keyword, Marked

LONGEST_TITLE = 256
LONGEST_KEYWORD = 512
LONGEST_TERM = 100 * 366 * 24 * 3600  # seconds


def own(reader: Reader, me: int, id_: int) -> Filter:
    """A filter of the caller's; 404 for anybody else's."""
    found = filters.one(reader, me, id_)
    if found is None:
        raise not_found()
    return found


async def several(request: web.Request) -> web.Response:
    found = await request.app[DATABASE].read(filters.of, current_user(request).me.id)
    return answer([filter_entity.one(one) for one in found])


async def show(request: web.Request) -> web.Response:
    me = current_user(request).me.id
    return answer(filter_entity.one(await request.app[DATABASE].read(own, me, number(request))))


# ---- what was sent ----


def contexts_of(form: Form) -> tuple[str, ...]:
    wanted = tuple(dict.fromkeys(form.texts("context")))
    if not wanted:
        raise unprocessable("Validation failed: Context can't be blank")
    if not set(wanted) <= set(filters.CONTEXTS):
        raise unprocessable(f"“context” should be some of {', '.join(filters.CONTEXTS)}.")
    return wanted


def until(form: Form, now: datetime) -> datetime | None:
    """When it ends, from `expires_in` in seconds; nothing and none: never."""
    seconds = form.number("expires_in")
    return None if not seconds else now + timedelta(seconds=min(max(seconds, 0), LONGEST_TERM))


def phrase_of(form: Form, name: str = "keyword") -> str:
    phrase = (form.text(name) or "").strip()
    if not phrase:
        raise unprocessable(f"Validation failed: {name.capitalize()} can't be blank")
    if len(phrase) > LONGEST_KEYWORD:
        raise unprocessable(f"A phrase has {LONGEST_KEYWORD} characters at most.")
    return phrase


def _title(form: Form) -> str:
    title = (form.text("title") or "").strip()
    if not title:
        raise unprocessable("Validation failed: Title can't be blank")
    return title[:LONGEST_TITLE]


def _action(form: Form, usual: str) -> str:
    action = form.text("filter_action") or usual
    if action not in filters.ACTIONS:
        raise unprocessable("“filter_action” should be warn, hide or blur.")
    return action


async def create(request: web.Request) -> web.Response:
    form, me = await form_of(request), current_user(request).me.id
    return answer(filter_entity.one(await request.app[DATABASE].write(_create, me, form)))


def _create(writer: Writer, me: int, form: Form) -> Filter:
    ensure_room(writer, me)
    title, contexts = _title(form), contexts_of(form)
    action = _action(form, "warn")
    id_ = filters.add(writer, me, title, contexts, action, until(form, writer.now))
    _set_keywords(writer, me, own(writer, me, id_), form.groups("keywords_attributes") or ())
    return own(writer, me, id_)


def ensure_room(reader: Reader, me: int) -> None:
    if filters.count(reader, me) >= filters.MOST:
        raise unprocessable(f"There is room for {filters.MOST} filters, and you have as many.")


async def change(request: web.Request) -> web.Response:
    form, me = await form_of(request), current_user(request).me.id
    changed = await request.app[DATABASE].write(_change, me, number(request), form)
    return answer(filter_entity.one(changed))


def _change(writer: Writer, me: int, id_: int, form: Form) -> Filter:
    known = own(writer, me, id_)
    wanted = replace(
        known,
        title=_title(form) if "title" in form else known.title,
        contexts=contexts_of(form) if "context" in form else known.contexts,
        action=_action(form, known.action),
        expires_at=until(form, writer.now) if "expires_in" in form else known.expires_at,
    )
    filters.change(writer, wanted)
    _set_keywords(writer, me, known, form.groups("keywords_attributes") or ())
    return own(writer, me, id_)


def _set_keywords(writer: Writer, me: int, known: Filter, wanted: Sequence[Form]) -> None:
    """New ones, changed ones by `id`, and those to be gone by `_destroy`."""
    if len(wanted) > 2 * filters.MOST_KEYWORDS:  # all there were to go, and as many to come
        raise _full(filters.MOST_KEYWORDS)
    mine = {one.id: one for one in known.keywords}
    for entry in wanted:
        id_ = entry.number("id")
        if id_ is None:
            _add_keyword(writer, known.id, entry)
        elif id_ not in mine:
            raise not_found()
        elif entry.flag("_destroy"):
            filters.remove_keywords(writer, [id_])
        else:
            filters.change_keyword(writer, _changed(mine[id_], entry))
    if any(not entry.flag("_destroy") for entry in wanted):
        ensure_fits(writer, me, known.id)


def ensure_fits(reader: Reader, me: int, filter_: int) -> None:
    """Looks at a filter and all of its owner's once phrases were written; the unit rolls back."""
    in_it, phrases, characters = filters.measure(reader, me, filter_)
    if in_it > filters.MOST_KEYWORDS:
        raise _full(filters.MOST_KEYWORDS)
    if phrases > filters.MOST_PHRASES or characters > filters.MOST_CHARACTERS:
        raise unprocessable(
            f"All your filters together have room for {filters.MOST_PHRASES} phrases"
            f" with {filters.MOST_CHARACTERS} characters."
        )


def _full(most: int) -> Refused:
    return unprocessable(f"A filter has room for {most} phrases.")


def _add_keyword(writer: Writer, filter_: int, form: Form) -> Keyword:
    whole = form.flag("whole_word")
    return filters.add_keyword(writer, filter_, phrase_of(form), whole is not False)


def _changed(known: Keyword, form: Form) -> Keyword:
    whole = form.flag("whole_word")
    return replace(
        known,
        keyword=phrase_of(form) if "keyword" in form else known.keyword,
        whole=known.whole if whole is None else whole,
    )


async def remove(request: web.Request) -> web.Response:
    await request.app[DATABASE].write(_remove, current_user(request).me.id, number(request))
    return answer({})


def _remove(writer: Writer, me: int, id_: int) -> None:
    filters.remove(writer, own(writer, me, id_).id)


# ---- phrases, each by itself ----


async def keywords(request: web.Request) -> web.Response:
    found = await request.app[DATABASE].read(own, current_user(request).me.id, number(request))
    return answer([filter_entity.keyword(one) for one in found.keywords])


async def create_keyword(request: web.Request) -> web.Response:
    form, me = await form_of(request), current_user(request).me.id
    made = await request.app[DATABASE].write(_create_keyword, me, number(request), form)
    return answer(filter_entity.keyword(made))


def _create_keyword(writer: Writer, me: int, id_: int, form: Form) -> Keyword:
    made = _add_keyword(writer, own(writer, me, id_).id, form)
    ensure_fits(writer, me, id_)
    return made


def own_keyword(reader: Reader, me: int, id_: int) -> Keyword:
    """A phrase of the caller's; 404 for anybody else's."""
    found = filters.keyword(reader, me, id_)
    if found is None:
        raise not_found()
    return found


async def show_keyword(request: web.Request) -> web.Response:
    found = await request.app[DATABASE].read(
        own_keyword, current_user(request).me.id, number(request)
    )
    return answer(filter_entity.keyword(found))


async def change_keyword(request: web.Request) -> web.Response:
    form, me = await form_of(request), current_user(request).me.id
    changed = await request.app[DATABASE].write(_change_keyword, me, number(request), form)
    return answer(filter_entity.keyword(changed))


def _change_keyword(writer: Writer, me: int, id_: int, form: Form) -> Keyword:
    wanted = _changed(own_keyword(writer, me, id_), form)
    filters.change_keyword(writer, wanted)
    ensure_fits(writer, me, wanted.filter)
    return wanted


async def remove_keyword(request: web.Request) -> web.Response:
    await request.app[DATABASE].write(_remove_keyword, current_user(request).me.id, number(request))
    return answer({})


def _remove_keyword(writer: Writer, me: int, id_: int) -> None:
    filters.remove_keywords(writer, [own_keyword(writer, me, id_).id])


# ---- single posts ----


async def posts(request: web.Request) -> web.Response:
    found = await request.app[DATABASE].read(own, current_user(request).me.id, number(request))
    return answer([filter_entity.marked(one) for one in found.posts])


async def create_post(request: web.Request) -> web.Response:
    form, me = await form_of(request), current_user(request).me.id
    wanted = form.number("status_id")
    if wanted is None:
        raise unprocessable("“status_id” is needed for this, and it was not sent.")
    made = await request.app[DATABASE].write(_create_post, me, number(request), wanted)
    return answer(filter_entity.marked(made))


def _create_post(writer: Writer, me: ActorId, id_: int, wanted: int) -> Marked:
    known = own(writer, me, id_)
    if len(known.posts) >= filters.MOST_POSTS:
        raise unprocessable(f"A filter has room for {filters.MOST_POSTS} posts.")
    return filters.add_post(writer, id_, visible_post(writer, Member(me), wanted).id)


def _own_post(reader: Reader, me: int, id_: int) -> Marked:
    found = filters.marked(reader, me, id_)
    if found is None:
        raise not_found()
    return found


async def show_post(request: web.Request) -> web.Response:
    found = await request.app[DATABASE].read(
        _own_post, current_user(request).me.id, number(request)
    )
    return answer(filter_entity.marked(found))


async def remove_post(request: web.Request) -> web.Response:
    await request.app[DATABASE].write(_remove_post, current_user(request).me.id, number(request))
    return answer({})


def _remove_post(writer: Writer, me: int, id_: int) -> None:
    filters.remove_post(writer, _own_post(writer, me, id_).id)


_ALL = "/api/v2/filters"
_ONE = "/api/v2/filters/{id}"
_KEYWORD = "/api/v2/filters/keywords/{id}"
_POST = "/api/v2/filters/statuses/{id}"

ROUTES: list[Route] = [
    get(_ALL, several, Access.MEMBER, "read:filters"),
    post(_ALL, create, Access.MEMBER, "write:filters"),
    get(_KEYWORD, show_keyword, Access.MEMBER, "read:filters"),
    put(_KEYWORD, change_keyword, Access.MEMBER, "write:filters"),
    delete(_KEYWORD, remove_keyword, Access.MEMBER, "write:filters"),
    get(_POST, show_post, Access.MEMBER, "read:filters"),
    delete(_POST, remove_post, Access.MEMBER, "write:filters"),
    get(_ONE, show, Access.MEMBER, "read:filters"),
    put(_ONE, change, Access.MEMBER, "write:filters"),
    delete(_ONE, remove, Access.MEMBER, "write:filters"),
    get(f"{_ONE}/keywords", keywords, Access.MEMBER, "read:filters"),
    post(f"{_ONE}/keywords", create_keyword, Access.MEMBER, "write:filters"),
    get(f"{_ONE}/statuses", posts, Access.MEMBER, "read:filters"),
    post(f"{_ONE}/statuses", create_post, Access.MEMBER, "write:filters"),
]
