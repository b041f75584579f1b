"""`/api/v1/statuses`: write, read, delete, and the thread around one."""

from datetime import datetime

from aiohttp import web

from server.actions.finding import own_post, visible_post
from server.actions.posts import (
    markup,
    media_attachments,
    reactions,
    scheduled_statuses,
    statuses,
)
from server.actions.posts.markup import Handle
from server.actions.posts.mentions import resolve
from server.actions.posts.statuses import StatusParams
from server.api.common import post_number
from server.api.posts.params import parse_status, parse_text, parse_time
from server.entities import account as account_entity
from server.entities import media as media_entity
from server.entities import scheduled as scheduled_entity
from server.entities import shapes, taken_back
from server.entities import status as status_entity
from server.entities.json_parts import Rendered, Unfolded, unfold
from server.entities.shared import when
from server.http.app_keys import DATABASE, SETTINGS
from server.http.errors import not_found
from server.http.forms import form_of
from server.http.guard import Access, Route, current_user, get, post
from server.http.guard import delete as remove
from server.http.parsing import header
from server.http.responses import answer
from server.services import SERVICES
from storage.engine.ids import PostId
from storage.engine.transaction import Reader, Writer
from storage.media import attachments as media
from storage.people.actors import Actor
from storage.posts import boosts, idempotency, scheduled_posts, visible_posts
from storage.posts.boosts import Boost
from storage.posts.visibility import Member, Viewer
from storage.posts.visible_posts import Post

LONGEST_KEY = 200


async def create(request: web.Request) -> web.Response:
    form = await form_of(request)
    who, services = current_user(request), request.app[SERVICES]
    text, spoiler = await parse_text(form, services.settings.max_characters)
    now = services.clock()
    due = parse_time(form, now)
    application = who.token.app if who.token else None
    account, ours = who.own_account, request.app[SETTINGS].languages
    usual = account.settings.get("language") or (account.locale if account.locale in ours else None)
    params = parse_status(form, account.settings, text, spoiler, now, application, usual)
    key = header(request, "Idempotency-Key")[:LONGEST_KEY]
    if due is not None:
        return answer(await services.database.write(_create_later, who.me, due, params, key))
    mentioned = await resolve(services, markup.find_mentions(text))
    return answer(await services.database.write(_create, who.me, params, mentioned, key))


def _create(
    writer: Writer, author: Actor, params: StatusParams, mentioned: dict[Handle, Actor], key: str
) -> Rendered | shapes.ScheduledStatus:
    """Checked, said and shown in one unit, so the answer cannot disagree with the effect."""
    viewer, id_ = Member(author.id), statuses.create(writer, author, params, mentioned, key)
    if id_ is None:
        return _earlier(writer, author, viewer, key)
    return status_entity.by_number(writer, viewer, [id_])[id_]


def _create_later(
    writer: Writer, author: Actor, due: datetime, params: StatusParams, key: str
) -> Rendered | shapes.ScheduledStatus:
    """Kept and shown in one unit."""
    planned = scheduled_statuses.create(writer, author, due, params, key)
    if planned is None:
        return _earlier(writer, author, Member(author.id), key)
    return scheduled_entity.many(writer, [planned])[0]


def _earlier(
    reader: Reader, author: Actor, viewer: Viewer, key: str
) -> Rendered | shapes.ScheduledStatus:
    """Post that an earlier request with the key made, now or for later."""
    id_ = idempotency.earlier(reader, author.id, key) or 0
    planned = scheduled_posts.one(reader, author.id, id_)
    if planned is not None:
        return scheduled_entity.many(reader, [planned])[0]
    return status_entity.one(reader, viewer, visible_post(reader, viewer, PostId(id_)))


async def show(request: web.Request) -> web.Response:
    viewer = current_user(request).viewer
    return answer(await request.app[DATABASE].read(_show, viewer, post_number(request)))


def _show(reader: Reader, viewer: Viewer, id_: PostId) -> Rendered:
    boost = boosts.find_visible(reader, viewer, id_)
    post = visible_post(reader, viewer, id_)
    if boost is not None:
        return status_entity.of_boost(reader, viewer, boost, post)
    return status_entity.one(reader, viewer, post)


async def several(request: web.Request) -> web.Response:
    form = await form_of(request)
    wanted = form.posts("id", 20)
    viewer = current_user(request).viewer
    return answer(await request.app[DATABASE].read(_several, viewer, wanted))


def _several(reader: Reader, viewer: Viewer, wanted: list[PostId]) -> list[Rendered]:
    found = visible_posts.many(reader, viewer, wanted)
    ordered = [found[id_] for id_ in wanted if id_ in found]
    return status_entity.of_posts(reader, viewer, ordered)


async def context(request: web.Request) -> web.Response:
    viewer = current_user(request).viewer
    return answer(await request.app[DATABASE].read(_context, viewer, post_number(request)))


def _context(reader: Reader, viewer: Viewer, id_: PostId) -> shapes.Context:
    post = visible_post(reader, viewer, id_)
    above = visible_posts.ancestors(reader, viewer, post)
    below = visible_posts.descendants(reader, viewer, post)
    rendered = status_entity.of_posts(reader, viewer, [*above, *below])
    return {"ancestors": rendered[: len(above)], "descendants": rendered[len(above) :]}


async def delete(request: web.Request) -> web.Response:
    form, who = await form_of(request), current_user(request)
    shown, files = await request.app[DATABASE].write(
        _delete, who.me, who.viewer, post_number(request), bool(form.flag("delete_media"))
    )
    await media_attachments.remove_files(request.app[SERVICES], files)
    return answer(shown)


def _delete(
    writer: Writer, author: Actor, viewer: Viewer, id_: PostId, with_media: bool
) -> tuple[Unfolded, list[str]]:
    """Delete; return what was written, for delete-and-redraft, and files not needed any more."""
    boost = boosts.by_id(writer, id_)
    if boost is not None:
        return _take_back(writer, author, viewer, boost), []
    post = own_post(writer, author, viewer, id_)
    shown = unfold(status_entity.one(writer, viewer, post))
    attached = media.of_posts(writer, [post.id]).get(post.id, [])
    statuses.delete(writer, author, post)
    del shown["content"]
    shown |= {"text": post.source or ""}
    if with_media:
        return shown, media_attachments.forget_all(writer, attached)
    return shown | {"media_attachments": media_entity.of_owner(writer, author.id, attached)}, []


def _take_back(writer: Writer, author: Actor, viewer: Viewer, boost: Boost) -> Unfolded:
    """A boost, by its own number: the same as `unreblog` of what it brought."""
    if boost.actor != author.id:
        raise not_found()
    post = visible_posts.once_seen(writer, boost.post)
    if post is None:
        raise not_found()
    shown = _render_last(writer, author, viewer, boost, post)
    reactions.unboost(writer, author, post)
    del shown["content"]
    return shown | {"text": ""}


def _render_last(
    reader: Reader, author: Actor, viewer: Viewer, boost: Boost, post: Post
) -> Unfolded:
    """A boost of one's own, the words of which one may not see any more, perhaps."""
    if visible_posts.by_id(reader, viewer, post.id) is not None:
        return unfold(status_entity.of_boost(reader, viewer, boost, post))
    hollow = taken_back.hollow(reader, author.id, post)
    own = {"id": str(boost.id), "uri": boost.uri, "created_at": when(boost.published_at)}
    return hollow | own | {"account": account_entity.one(reader, author), "reblog": hollow}


_ONE = "/api/v1/statuses/{id}"

ROUTES: list[Route] = [
    post("/api/v1/statuses", create, Access.MEMBER, "write:statuses", limits=("api", "post")),
    get("/api/v1/statuses", several, Access.PUBLIC, "read:statuses"),
    get(_ONE, show, Access.PUBLIC, "read:statuses"),
    get(f"{_ONE}/context", context, Access.PUBLIC, "read:statuses"),
    remove(_ONE, delete, Access.MEMBER, "write:statuses", limits=("api", "delete")),
]
