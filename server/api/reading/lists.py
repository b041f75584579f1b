"""`/api/v1/lists`: a member's lists, who is in them, and what these say."""

from dataclasses import replace

from aiohttp import web

from server.actions.finding import visible_actor
from server.actions.people import relationships
from server.actions.reading import lists as actions
from server.actions.reading.lists import ListParams, own
from server.api.common import actor_number, number
from server.api.listing import show_page
from server.api.people.accounts import page_of_people
from server.entities import shapes
from server.http.app_keys import DATABASE
from server.http.errors import unprocessable
from server.http.forms import Form, form_of
from server.http.guard import Access, Route, current_user, delete, get, post, put
from server.http.pagination import answer_with_links, page_of
from server.http.responses import answer
from server.refusals import NotAllowed
from storage.engine.ids import ActorId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer
from storage.people.actors import Actor
from storage.reading import lists, timelines
from storage.reading.lists import List
from storage.reading.timelines import Line

LONGEST = 256


def _entity(found: List) -> shapes.List:
    return {
        "id": str(found.id),
        "title": found.title,
        "replies_policy": found.replies,
        "exclusive": found.exclusive,
    }


async def several(request: web.Request) -> web.Response:
    found = await request.app[DATABASE].read(lists.of, current_user(request).me.id)
    return answer([_entity(one) for one in found])


async def show(request: web.Request) -> web.Response:
    me = current_user(request).me.id
    return answer(_entity(await request.app[DATABASE].read(own, me, number(request))))


def _parse(form: Form, *, new: bool) -> ListParams:
    replies = form.text("replies_policy") or None
    if replies is not None and replies not in lists.REPLIES:
        raise unprocessable("“replies_policy” should be followed, list or none.")
    return ListParams(
        title=_title(form) if new or "title" in form else None,
        replies=replies,
        exclusive=form.flag("exclusive"),
    )


def _title(form: Form) -> str:
    title = (form.text("title") or "").strip()
    if not title:
        raise unprocessable("Validation failed: Title can't be blank")
    if len(title) > LONGEST:
        raise unprocessable(f"A title has {LONGEST} characters at most.")
    return title


async def create(request: web.Request) -> web.Response:
    params, me = _parse(await form_of(request), new=True), current_user(request).me.id
    return answer(_entity(await request.app[DATABASE].write(actions.create, me, params)))


async def change(request: web.Request) -> web.Response:
    params, me = _parse(await form_of(request), new=False), current_user(request).me.id
    changed = await request.app[DATABASE].write(actions.change, me, number(request), params)
    return answer(_entity(changed))


async def remove(request: web.Request) -> web.Response:
    await request.app[DATABASE].write(actions.remove, current_user(request).me.id, number(request))
    return answer({})


# ---- who is in it ----


async def accounts(request: web.Request) -> web.Response:
    page = page_of(request, 40, 80)
    if request.query.get("limit") == "0":
        page = replace(page, limit=lists.MOST_MEMBERS)
    me = current_user(request).me.id
    body, cursors = await request.app[DATABASE].read(_accounts, me, number(request), page)
    return answer_with_links(request, body, cursors, page, previous="since_id", always_next=False)


def _accounts(
    reader: Reader, me: ActorId, id_: int, page: Page
) -> tuple[list[shapes.Account], list[int]]:
    return page_of_people(reader, lists.page_of_members(reader, own(reader, me, id_).id, page))


async def add_accounts(request: web.Request) -> web.Response:
    wanted = (await form_of(request)).actors("account_ids", lists.MOST_MEMBERS)
    await request.app[DATABASE].write(_add, current_user(request).me, number(request), wanted)
    return answer({})


def _add(writer: Writer, me: Actor, id_: int, wanted: list[ActorId]) -> None:
    """Add all of them or none: each has to be followed, or asked to be."""
    known = own(writer, me.id, id_)
    people = [visible_actor(writer, actor) for actor in dict.fromkeys(wanted)]
    if len({*lists.members(writer, id_), *wanted}) > lists.MOST_MEMBERS:
        raise unprocessable(f"A list has room for {lists.MOST_MEMBERS} people.")
    for person in people:
        try:
            relationships.put_into_list(writer, me, known, person)
        except NotAllowed:
            sentence = "Only people whom you follow can be in a list of yours."
            raise unprocessable(sentence) from None


async def remove_accounts(request: web.Request) -> web.Response:
    wanted = (await form_of(request)).actors("account_ids", lists.MOST_MEMBERS)
    await request.app[DATABASE].write(_take, current_user(request).me.id, number(request), wanted)
    return answer({})


def _take(writer: Writer, me: ActorId, id_: int, wanted: list[ActorId]) -> None:
    known = own(writer, me, id_)
    for actor in wanted:
        lists.take(writer, id_, actor)
        if known.exclusive:
            relationships.keep_home(writer, me, actor)


async def with_account(request: web.Request) -> web.Response:
    """The user's lists that somebody is in."""
    found = await request.app[DATABASE].read(
        _with, current_user(request).me.id, actor_number(request)
    )
    return answer([_entity(one) for one in found])


def _with(reader: Reader, me: ActorId, id_: ActorId) -> list[List]:
    return lists.with_member(reader, me, visible_actor(reader, id_).id)


async def timeline(request: web.Request) -> web.Response:
    me, id_ = ActorId(current_user(request).me.id), number(request)

    def find(reader: Reader, page: Page) -> list[Line]:
        return timelines.of_list(reader, me, own(reader, me, id_).id, page)

    return await show_page(request, find, page_of(request))


_ALL = "/api/v1/lists"
_ONE = "/api/v1/lists/{id}"

ROUTES: list[Route] = [
    get(_ALL, several, Access.MEMBER, "read:lists"),
    post(_ALL, create, Access.MEMBER, "write:lists"),
    get(_ONE, show, Access.MEMBER, "read:lists"),
    put(_ONE, change, Access.MEMBER, "write:lists"),
    delete(_ONE, remove, Access.MEMBER, "write:lists"),
    get(f"{_ONE}/accounts", accounts, Access.MEMBER, "read:lists"),
    post(f"{_ONE}/accounts", add_accounts, Access.MEMBER, "write:lists"),
    delete(f"{_ONE}/accounts", remove_accounts, Access.MEMBER, "write:lists"),
    get("/api/v1/timelines/list/{id}", timeline, Access.MEMBER, "read:lists"),
    get("/api/v1/accounts/{id}/lists", with_account, Access.MEMBER, "read:lists"),
]
