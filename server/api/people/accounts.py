"""`/api/v1/accounts`: people, what they wrote, and how the user stands to them."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from functools import partial
from typing import Any, cast

from aiohttp import web

from federation.errors import FederationError
from federation.resolve.webfinger import split_handle, typed_handle
from server.actions.finding import (
    HasOnActor,
    actor_to_take_back_from,
    has_none,
    is_visible,
    visible_actor,
)
from server.actions.people import relationships
from server.api.common import actor_number
from server.api.listing import show_page
from server.entities import account as account_entity
from server.entities import relationship as relationship_entity
from server.entities import shapes
from server.entities.shared import optional_when
from server.http.app_keys import DATABASE, RESOLVER
from server.http.errors import Refused, not_found, unprocessable
from server.http.forms import Form, form_of
from server.http.guard import Access, Route, current_user, get, post
from server.http.pagination import answer_with_links, page_of
from server.http.responses import answer
from storage.engine.ids import NOBODY, ActorId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer
from storage.people import (
    account_notes,
    actors,
    blocks,
    follows,
    hidden_accounts,
    suggestions,
)
from storage.people.actors import Actor
from storage.people.relationships import of as relationships_of
from storage.reading import timelines
from storage.reading.timelines import Entry, Shown

LONGEST_MUTE = 10 * 365 * 24 * 3600


async def verify_credentials(request: web.Request) -> web.Response:
    who = current_user(request)
    return answer(await request.app[DATABASE].read(_own, who.me.id, who.own_account))


def _own(reader: Reader, me: ActorId, account: Any) -> shapes.CredentialAccount:
    return account_entity.credential(reader, visible_actor(reader, me), account)


async def show(request: web.Request) -> web.Response:
    return answer(await request.app[DATABASE].read(_show, actor_number(request)))


def _show(reader: Reader, id_: ActorId) -> shapes.Account:
    return account_entity.one(reader, visible_actor(reader, id_))


async def several(request: web.Request) -> web.Response:
    wanted = (await form_of(request)).actors("id", 40)
    return answer(await request.app[DATABASE].read(_several, wanted))


def _several(reader: Reader, wanted: Sequence[ActorId]) -> list[shapes.Account]:
    """Accounts that are there for people to see, in the order asked for."""
    found = actors.many(reader, wanted)
    there = [found[id_] for id_ in wanted if id_ in found and is_visible(found[id_])]
    return _render(reader, there)


async def resolver(request: web.Request) -> web.Response:
    """Account by handle, of those who are known here already."""
    acct = (await form_of(request)).required_text("acct", 400).strip().removeprefix("@")
    return answer(await request.app[DATABASE].read(_lookup, acct))


def _lookup(reader: Reader, acct: str) -> shapes.Account:
    name, domain = split_handle(acct) if "@" in acct else (acct, "")
    ours = domain in ("", reader.site.domain.lower())
    found = actors.by_handle(reader, name, "" if ours else domain)
    if found is None:
        raise not_found()
    return account_entity.one(reader, visible_actor(reader, found.id))


async def statuses(request: web.Request) -> web.Response:
    form, viewer = await form_of(request), current_user(request).viewer
    id_ = actor_number(request)
    if form.flag("pinned"):
        return await show_page(
            request,
            lambda reader, page: timelines.page_of_pinned(
                reader, viewer, visible_actor(reader, id_).id, page
            ),
            page_of(request),
            always_next=False,
        )
    wanted = Shown(
        replies=not form.flag("exclude_replies"),
        boosts=not form.flag("exclude_reblogs"),
        direct=not form.flag("exclude_direct"),
        media=bool(form.flag("only_media")),
        tagged=(form.text("tagged", 200) or "").casefold() or None,
    )

    def find(reader: Reader, page: Page) -> list[Entry]:
        return timelines.account(reader, viewer, visible_actor(reader, id_).id, wanted, page)

    return await show_page(request, find, page_of(request), always_next=False)


Pairs = list[tuple[int, ActorId]]


def _people(find: Callable[[Reader, ActorId, Page], Pairs]) -> Callable[[web.Request], Any]:
    def unit(
        reader: Reader, id_: ActorId, me: ActorId | None, page: Page
    ) -> tuple[list[shapes.Account], list[int]]:
        whose = visible_actor(reader, id_)
        hidden = whose.hide_collections and whose.id != me
        found = [] if hidden else find(reader, whose.id, page)
        return page_of_people(reader, found)

    async def handle(request: web.Request) -> web.Response:
        page = page_of(request, 40, 80)
        actor = current_user(request).actor
        me = actor.id if actor else None
        body, cursors = await request.app[DATABASE].read(unit, actor_number(request), me, page)
        return answer_with_links(
            request, body, cursors, page, previous="since_id", always_next=False
        )

    return handle


def page_of_people(reader: Reader, found: Pairs) -> tuple[list[shapes.Account], list[int]]:
    people = account_entity.in_order(reader, [actor for _, actor in found])
    return people, [cursor for cursor, _ in found]


async def search(request: web.Request) -> web.Response:
    """Accounts for autocompletion: whoever begins like that, or one by full handle."""
    form = await form_of(request)
    text = typed_handle(form.text("q", 400) or "")
    most = min(form.number("limit") or 40, 80)
    found = await find_people(request, text, most, resolve=bool(form.flag("resolve")))
    if form.flag("following"):
        found = await request.app[DATABASE].read(only_followed, current_user(request).me.id, found)
    return answer(await request.app[DATABASE].read(_render, found))


async def find_people(request: web.Request, text: str, most: int, *, resolve: bool) -> list[Actor]:
    handle = text.removeprefix("@")
    name, _, domain = handle.partition("@")
    if not name:
        return []
    database = request.app[DATABASE]
    if domain and resolve:
        try:
            return [await request.app[RESOLVER].handle(*split_handle(handle))]
        except FederationError:
            return []
    within = None if not domain else "" if domain == database.site.domain else domain
    actor = current_user(request).actor
    return await database.read(_named_like, name, within, most, actor.id if actor else NOBODY)


def _named_like(
    reader: Reader, name: str, domain: str | None, most: int, me: ActorId
) -> list[Actor]:
    """Accounts with such a name, but for those whose host the user blocks."""
    found = actors.named_like(reader, name, domain, most)
    away = hidden_accounts.of_hosts(reader, me, [actor.id for actor in found])
    return [actor for actor in found if actor.id not in away]


def only_followed(reader: Reader, me: ActorId, found: Sequence[Actor]) -> list[Actor]:
    known = {
        one.target for one in relationships_of(reader, me, [a.id for a in found]) if one.following
    }
    return [actor for actor in found if actor.id in known]


def _render(reader: Reader, found: Sequence[Actor]) -> list[shapes.Account]:
    rendered = account_entity.render(reader, found)
    return [rendered[actor.id] for actor in found]


async def relationship_list(request: web.Request) -> web.Response:
    wanted = (await form_of(request)).actors("id", 40)
    me = current_user(request).me.id
    return answer(await request.app[DATABASE].read(relationship_entity.many, me, wanted))


async def familiar_followers(request: web.Request) -> web.Response:
    """Followers, for each person asked about, whom the user follows."""
    wanted, me = (await form_of(request)).actors("id", 40), current_user(request).me.id
    return answer(await request.app[DATABASE].read(_familiar, me, wanted))


def _familiar(reader: Reader, me: ActorId, wanted: list[ActorId]) -> list[shapes.FamiliarFollowers]:
    found = suggestions.familiar(reader, me, wanted)
    people = account_entity.by_number(reader, [id_ for ids in found.values() for id_ in ids])
    return [
        {
            "id": str(id_),
            "accounts": [people[one] for one in found.get(id_, ()) if one in people],
        }
        for id_ in dict.fromkeys(wanted)
    ]


# ---- acts: each returns the relationship ----

Act = Callable[[Writer, Actor, Actor], None]
Parse = Callable[[Form], Act]


def _acting(parse: Parse, has: HasOnActor = has_none) -> Callable[[web.Request], Any]:
    """A handler; for taking something back, `has` finds the row that is enough for it."""

    def unit(writer: Writer, me: Actor, id_: ActorId, act: Act) -> shapes.Relationship:
        target = actor_to_take_back_from(writer, me.id, id_, has)
        act(writer, me, target)
        return relationship_entity.many(writer, me.id, [target.id])[0]

    async def handle(request: web.Request) -> web.Response:
        act, me = parse(await form_of(request)), current_user(request).me
        id_ = actor_number(request)
        if id_ == me.id:
            raise Refused(403, "This action is not allowed")
        return answer(await request.app[DATABASE].write(unit, me, id_, act))

    return handle


def _follow(form: Form) -> Act:
    return partial(
        relationships.follow,
        reblogs=form.flag("reblogs"),
        notify=form.flag("notify"),
        languages=form.languages("languages") if "languages" in form else None,
    )


def _mute(form: Form) -> Act:
    quiet, seconds = form.flag("notifications"), form.number("duration") or 0
    lasting = timedelta(seconds=min(seconds, LONGEST_MUTE)) if seconds > 0 else None
    return partial(relationships.mute, notifications=quiet is not False, lasting=lasting)


def _plainly(act: Act) -> Parse:
    """An act that takes nothing from the form."""
    return lambda _: act


LONGEST_NOTE = 2000


def _note(form: Form) -> Act:
    comment = (form.text("comment") or "").strip()
    if len(comment) > LONGEST_NOTE:
        raise unprocessable(f"A note has {LONGEST_NOTE} characters at most. Nothing was changed.")

    def act(writer: Writer, me: Actor, target: Actor) -> None:
        account_notes.put(writer, me.id, target.id, comment)

    return act


def _follows(reader: Reader, me: ActorId, id_: ActorId) -> bool:
    return follows.between(reader, me, id_) is not None


def _is_followed(reader: Reader, me: ActorId, id_: ActorId) -> bool:
    return follows.between(reader, id_, me) is not None


def _unmute(writer: Writer, me: Actor, target: Actor) -> None:
    blocks.unmute(writer, me.id, target.id)


async def list_blocked(request: web.Request) -> web.Response:
    page = page_of(request, 40, 80)
    body, cursors = await request.app[DATABASE].read(
        _page_of_blocked, current_user(request).me.id, page
    )
    return answer_with_links(request, body, cursors, page, previous="since_id", always_next=False)


def _page_of_blocked(
    reader: Reader, me: ActorId, page: Page
) -> tuple[list[shapes.Account], list[int]]:
    return page_of_people(reader, blocks.page_of(reader, me, page))


async def list_muted(request: web.Request) -> web.Response:
    page = page_of(request, 40, 80)
    body, cursors = await request.app[DATABASE].read(
        _page_of_muted, current_user(request).me.id, page
    )
    return answer_with_links(request, body, cursors, page, previous="since_id", always_next=False)


def _page_of_muted(
    reader: Reader, me: ActorId, page: Page
) -> tuple[list[shapes.MutedAccount], list[int]]:
    found = blocks.page_of_mutes(reader, me, page)
    people = account_entity.many(reader, [mute.target for mute in found])
    body = [
        {**people[mute.target], "mute_expires_at": optional_when(mute.expires_at)}
        for mute in found
        if mute.target in people
    ]
    return cast("list[shapes.MutedAccount]", body), [mute.cursor for mute in found]


_ALL = "/api/v1/accounts"
_ONE = "/api/v1/accounts/{id}"

ROUTES: list[Route] = [
    get(
        f"{_ALL}/verify_credentials", verify_credentials, Access.MEMBER, "profile", "read:accounts"
    ),
    get(f"{_ALL}/lookup", resolver, Access.PUBLIC, "read:accounts"),
    get(f"{_ALL}/search", search, Access.MEMBER, "read:accounts"),
    get(f"{_ALL}/relationships", relationship_list, Access.MEMBER, "read:follows"),
    get(f"{_ALL}/familiar_followers", familiar_followers, Access.MEMBER, "read:follows"),
    get(_ALL, several, Access.PUBLIC, "read:accounts"),
    get(_ONE, show, Access.PUBLIC, "read:accounts"),
    get(f"{_ONE}/statuses", statuses, Access.PUBLIC, "read:statuses"),
    get(f"{_ONE}/followers", _people(follows.page_of_followers), Access.PUBLIC, "read:accounts"),
    get(f"{_ONE}/following", _people(follows.page_of_following), Access.PUBLIC, "read:accounts"),
    post(
        f"{_ONE}/follow",
        _acting(_follow),
        Access.MEMBER,
        "write:follows",
        limits=("api", "follow"),
    ),
    post(
        f"{_ONE}/unfollow",
        _acting(_plainly(relationships.unfollow), _follows),
        Access.MEMBER,
        "write:follows",
    ),
    post(
        f"{_ONE}/remove_from_followers",
        _acting(_plainly(relationships.remove_follower), _is_followed),
        Access.MEMBER,
        "write:follows",
    ),
    post(f"{_ONE}/block", _acting(_plainly(relationships.block)), Access.MEMBER, "write:blocks"),
    post(
        f"{_ONE}/unblock",
        _acting(_plainly(relationships.unblock), blocks.exists),
        Access.MEMBER,
        "write:blocks",
    ),
    post(f"{_ONE}/mute", _acting(_mute), Access.MEMBER, "write:mutes"),
    post(f"{_ONE}/note", _acting(_note, account_notes.exists), Access.MEMBER, "write:accounts"),
    post(f"{_ONE}/unmute", _acting(_plainly(_unmute), blocks.mutes), Access.MEMBER, "write:mutes"),
    get("/api/v1/blocks", list_blocked, Access.MEMBER, "read:blocks"),
    get("/api/v1/mutes", list_muted, Access.MEMBER, "read:mutes"),
]
