"""`/api/v2/filters`: what a member wants to be warned of, or not to see."""

from datetime import timedelta

from aiohttp import web

from server.actions.finding import visible_post
from server.actions.reading import filters as actions
from server.actions.reading.filters import FilterParams, KeywordParams, own, own_keyword
from server.api.common import number
from server.entities import filter as filter_entity
from server.http.app_keys import DATABASE
from server.http.errors import not_found, unprocessable
from server.http.forms import Form, form_of
from server.http.guard import Access, Route, current_user, delete, get, post, put
from server.http.responses import answer
from storage.engine.ids import ActorId, PostId
from storage.engine.transaction import Reader, Writer
from storage.posts.visibility import Member
from storage.reading import filters
from storage.reading.filters import Context, Marked

LONGEST_TITLE = 256
LONGEST_KEYWORD = 512
LONGEST_TERM = 100 * 366 * 24 * 3600  # seconds


async def several(request: web.Request) -> web.Response:
    found = await request.app[DATABASE].read(filters.of, current_user(request).me.id)
    return answer([filter_entity.one(one) for one in found])


async def show(request: web.Request) -> web.Response:
    me = current_user(request).me.id
    return answer(filter_entity.one(await request.app[DATABASE].read(own, me, number(request))))


# ---- what was sent ----


def parse_contexts(form: Form) -> tuple[Context, ...]:
    wanted = tuple(dict.fromkeys(form.texts("context")))
    if not wanted:
        raise unprocessable("Validation failed: Context can't be blank")
    known = tuple(one for one in filters.CONTEXTS if one in wanted)
    if len(known) < len(wanted):
        raise unprocessable(f"“context” should be some of {', '.join(filters.CONTEXTS)}.")
    return tuple(sorted(known, key=wanted.index))


def parse_end(form: Form) -> timedelta | None:
    """End of a filter, from `expires_in` in seconds; nothing and none: for ever."""
    seconds = form.number("expires_in")
    return None if not seconds else timedelta(seconds=min(max(seconds, 0), LONGEST_TERM))


def parse_phrase(form: Form, name: str = "keyword") -> str:
    phrase = (form.text(name) or "").strip()
    if not phrase:
        raise unprocessable(f"Validation failed: {name.capitalize()} can't be blank")
    if len(phrase) > LONGEST_KEYWORD:
        raise unprocessable(f"A phrase has {LONGEST_KEYWORD} characters at most.")
    return phrase


def _parse(form: Form, *, new: bool) -> FilterParams:
    action = form.text("filter_action") or None
    if action is not None and action not in filters.ACTIONS:
        raise unprocessable("“filter_action” should be warn, hide or blur.")
    return FilterParams(
        title=_title(form) if new or "title" in form else None,
        contexts=parse_contexts(form) if new or "context" in form else None,
        action=action,
        ends_anew="expires_in" in form,
        lasts=parse_end(form),
        keywords=tuple(map(_parse_keyword, form.groups("keywords_attributes") or ())),
    )


def _title(form: Form) -> str:
    title = (form.text("title") or "").strip()
    if not title:
        raise unprocessable("Validation failed: Title can't be blank")
    return title[:LONGEST_TITLE]


def _parse_keyword(form: Form) -> KeywordParams:
    """New ones, changed ones by `id`, and those to be gone by `_destroy`."""
    id_, goes = form.number("id"), bool(form.flag("_destroy"))
    said = id_ is None or ("keyword" in form and not goes)
    phrase = parse_phrase(form) if said else None
    return KeywordParams(id_, phrase, form.flag("whole_word"), goes)


async def create(request: web.Request) -> web.Response:
    params, me = _parse(await form_of(request), new=True), current_user(request).me.id
    made = await request.app[DATABASE].write(actions.create, me, params)
    return answer(filter_entity.one(made))


async def change(request: web.Request) -> web.Response:
    params, me = _parse(await form_of(request), new=False), current_user(request).me.id
    changed = await request.app[DATABASE].write(actions.change, me, number(request), params)
    return answer(filter_entity.one(changed))


async def remove(request: web.Request) -> web.Response:
    await request.app[DATABASE].write(_remove, current_user(request).me.id, number(request))
    return answer({})


def _remove(writer: Writer, me: ActorId, id_: int) -> None:
    filters.remove(writer, own(writer, me, id_).id)


# ---- phrases, each by itself ----


async def keywords(request: web.Request) -> web.Response:
    found = await request.app[DATABASE].read(own, current_user(request).me.id, number(request))
    return answer([filter_entity.keyword(one) for one in found.keywords])


async def create_keyword(request: web.Request) -> web.Response:
    form, me = await form_of(request), current_user(request).me.id
    params = KeywordParams(phrase=parse_phrase(form), whole=form.flag("whole_word"))
    made = await request.app[DATABASE].write(actions.add_keyword, me, number(request), params)
    return answer(filter_entity.keyword(made))


async def show_keyword(request: web.Request) -> web.Response:
    found = await request.app[DATABASE].read(
        own_keyword, current_user(request).me.id, number(request)
    )
    return answer(filter_entity.keyword(found))


async def change_keyword(request: web.Request) -> web.Response:
    form, me = await form_of(request), current_user(request).me.id
    phrase = parse_phrase(form) if "keyword" in form else None
    params = KeywordParams(phrase=phrase, whole=form.flag("whole_word"))
    changed = await request.app[DATABASE].write(actions.change_keyword, me, number(request), params)
    return answer(filter_entity.keyword(changed))


async def remove_keyword(request: web.Request) -> web.Response:
    await request.app[DATABASE].write(_remove_keyword, current_user(request).me.id, number(request))
    return answer({})


def _remove_keyword(writer: Writer, me: ActorId, id_: int) -> None:
    filters.remove_keywords(writer, [own_keyword(writer, me, id_).id])


# ---- single posts ----


async def posts(request: web.Request) -> web.Response:
    found = await request.app[DATABASE].read(own, current_user(request).me.id, number(request))
    return answer([filter_entity.filter_status(one) for one in found.posts])


async def create_post(request: web.Request) -> web.Response:
    form, me = await form_of(request), current_user(request).me.id
    wanted = form.post("status_id")
    if wanted is None:
        raise unprocessable("“status_id” is needed for this, and it was not sent.")
    made = await request.app[DATABASE].write(_create_post, me, number(request), wanted)
    return answer(filter_entity.filter_status(made))


def _create_post(writer: Writer, me: ActorId, id_: int, wanted: PostId) -> Marked:
    known = own(writer, me, id_)
    if len(known.posts) >= filters.MOST_POSTS:
        raise unprocessable(f"A filter has room for {filters.MOST_POSTS} posts.")
    return filters.add_post(writer, id_, visible_post(writer, Member(me), wanted).id)


def _own_post(reader: Reader, me: ActorId, id_: int) -> Marked:
    found = filters.find_marked(reader, me, id_)
    if found is None:
        raise not_found()
    return found


async def show_post(request: web.Request) -> web.Response:
    found = await request.app[DATABASE].read(
        _own_post, current_user(request).me.id, number(request)
    )
    return answer(filter_entity.filter_status(found))


async def remove_post(request: web.Request) -> web.Response:
    await request.app[DATABASE].write(_remove_post, current_user(request).me.id, number(request))
    return answer({})


def _remove_post(writer: Writer, me: ActorId, id_: int) -> None:
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
