"""`/api/v1/statuses`: write, read, delete, and the thread around one."""

from datetime import datetime
from typing import Any

from aiohttp import web

from federation.activities import Delete
from federation.objects.interaction_policy import InteractionPolicy
from federation.outbound import outbox
from server.actions.posts import markup, media_attachments, scheduled_statuses
from server.actions.posts.markup import Handle
from server.actions.posts.mentions import resolve
from server.actions.posts.statuses import NewStatus, publish
from server.api.common import number, own, visible
from server.api.posts.interaction_policy import parse_interaction_policy
from server.api.posts.polls import parse_poll
from server.api.posts.reactions import unreblog
from server.entities import account as account_entity
from server.entities import scheduled as scheduled_entity
from server.entities import status as status_entity
from server.entities import taken_back
from server.entities.shared import Rendered, unfolded, when
from server.http.app_keys import DATABASE, OUTSIDE, SETTINGS
from server.http.errors import Refused, not_found, unprocessable
from server.http.forms import Form, form_of
from server.http.guard import Access, Route, current_user, get, post
from server.http.guard import delete as remove
from server.http.parsing import header
from server.http.responses import answer
from storage.engine.transaction import Reader, Writer
from storage.media import attachments as media
from storage.people.actors import Actor
from storage.posts import boosts, idempotency, scheduled_posts, visible_posts
from storage.posts.boosts import Boost
from storage.posts.visibility import Viewer
from storage.posts.visible_posts import Post

VISIBILITIES = ("public", "unlisted", "private", "direct", "local")
LONGEST_KEY = 200
STAYS_HERE = ("\N{EYE}", "\N{EYE}\N{VARIATION SELECTOR-16}")  # at the end of a text (COMMUNITIES 4)


async def create(request: web.Request) -> web.Response:
    form = await form_of(request)
    who = current_user(request)
    text, spoiler = await words(form, request.app[SETTINGS].max_characters)
    now = request.app[OUTSIDE].clock()
    due = scheduled_statuses.parse_time(form, now)
    params = {
        **_parse(form, who.own_account.settings, text, spoiler, now),
        "application": who.token.app if who.token else None,
    }
    key = header(request, "Idempotency-Key")[:LONGEST_KEY]
    database = request.app[DATABASE]
    if due is not None:
        return answer(await database.write(_create_later, who.me, who.viewer, due, params, key))
    mentioned = await resolve(request.app, markup.find_mentions(text))
    return answer(await database.write(_create, who.me, who.viewer, params, mentioned, key))


async def words(form: Form, most: int) -> tuple[str, str]:
    """Text and content warning, held to the length that we take."""
    if form.values.get("quoted_status_id"):
        raise unprocessable("Quoting is not possible on this server yet. Nothing was posted.")
    text, spoiler = form.text("status") or "", form.text("spoiler_text") or ""
    if not text.strip() and not form.values.get("media_ids"):
        raise unprocessable("Validation failed: Text can't be blank")
    long = await markup.measured(text, spoiler)
    if long > most:
        raise unprocessable(
            f"This is {long} characters long; we can take {most}. Nothing was posted."
        )
    return text, spoiler


def _parse(form: Form, settings: Any, text: str, spoiler: str, now: datetime) -> dict[str, Any]:
    """What the client asked for, filled up with the member's own defaults."""
    chosen = form.text("visibility") or settings.get("privacy", "public")
    if chosen not in VISIBILITIES:
        raise unprocessable("“visibility” should be public, unlisted, private, direct or local.")
    sensitive = form.flag("sensitive")
    return {
        "text": text,
        "spoiler": spoiler,
        "visibility": chosen,
        "local_only": bool(form.flag("local_only")) or text.rstrip().endswith(STAYS_HERE),
        "sensitive": bool(settings.get("sensitive")) if sensitive is None else sensitive,
        "language": form.language("language") or settings.get("language") or None,
        "in_reply_to": form.number("in_reply_to_id"),
        "poll": parse_poll(form, now),
        "policies": parse_interaction_policy(
            form, InteractionPolicy(quote=settings.get("quote_policy", "public"))
        ),
        "media": media_attachments.parse_ids(form),
    }


def _create(
    writer: Writer,
    author: Actor,
    viewer: Viewer,
    params: dict[str, Any],
    mentioned: dict[Handle, Actor],
    key: str,
) -> Rendered | dict[str, Any]:
    """Checked, said and shown in one unit, so the answer cannot disagree with the effect."""
    if key and not idempotency.claim(writer, author.id, key):
        return _earlier(writer, author, viewer, key)
    parent = params.pop("in_reply_to")
    answered = None
    if parent is not None:
        answered = visible_posts.by_id(writer, viewer, parent)
        if answered is None:
            raise Refused(404, "The post you are answering is not there, or not meant for you.")
    params["media"] = media_attachments.to_attach(writer, author, params["media"])
    draft = NewStatus(author=author, in_reply_to=answered, mentioned=mentioned, **params)
    id_ = publish(writer, draft)
    if key:
        idempotency.keep(writer, author.id, key, id_)
    return status_entity.by_number(writer, viewer, [id_])[id_]


def _create_later(
    writer: Writer, author: Actor, viewer: Viewer, due: datetime, params: dict[str, Any], key: str
) -> Rendered | dict[str, Any]:
    """Kept and shown in one unit."""
    if key and not idempotency.claim(writer, author.id, key):
        return _earlier(writer, author, viewer, key)
    planned = scheduled_statuses.schedule(writer, author, due, {**params, "key": key})
    if key:
        idempotency.keep(writer, author.id, key, planned.id)
    return scheduled_entity.many(writer, [planned])[0]


def _earlier(reader: Reader, author: Actor, viewer: Viewer, key: str) -> Rendered | dict[str, Any]:
    """What the key made, now or for later."""
    id_ = idempotency.earlier(reader, author.id, key) or 0
    planned = scheduled_posts.one(reader, author.id, id_)
    if planned is not None:
        return scheduled_entity.many(reader, [planned])[0]
    return status_entity.one(reader, viewer, visible(reader, viewer, id_))


async def show(request: web.Request) -> web.Response:
    viewer = current_user(request).viewer
    return answer(await request.app[DATABASE].read(_show, viewer, number(request)))


def _show(reader: Reader, viewer: Viewer, id_: int) -> Rendered:
    boost = boosts.seen(reader, viewer, id_)
    post = visible(reader, viewer, id_)
    if boost is not None:
        return status_entity.of_boost(reader, viewer, boost, post)
    return status_entity.one(reader, viewer, post)


async def several(request: web.Request) -> web.Response:
    form = await form_of(request)
    wanted = form.ids("id", 20)
    viewer = current_user(request).viewer
    return answer(await request.app[DATABASE].read(_several, viewer, wanted))


def _several(reader: Reader, viewer: Viewer, wanted: list[int]) -> list[Rendered]:
    found = visible_posts.many(reader, viewer, wanted)
    ordered = [post for id_ in wanted if (post := {int(k): v for k, v in found.items()}.get(id_))]
    return status_entity.of_posts(reader, viewer, ordered)


async def context(request: web.Request) -> web.Response:
    viewer = current_user(request).viewer
    return answer(await request.app[DATABASE].read(_context, viewer, number(request)))


def _context(reader: Reader, viewer: Viewer, id_: int) -> dict[str, Any]:
    post = visible(reader, viewer, id_)
    above = visible_posts.ancestors(reader, viewer, post)
    below = visible_posts.descendants(reader, viewer, post)
    rendered = status_entity.of_posts(reader, viewer, [*above, *below])
    return {"ancestors": rendered[: len(above)], "descendants": rendered[len(above) :]}


async def delete(request: web.Request) -> web.Response:
    form, who = await form_of(request), current_user(request)
    shown, files = await request.app[DATABASE].write(
        _delete, who.me, who.viewer, number(request), bool(form.flag("delete_media"))
    )
    await media_attachments.remove_files(request.app, files)
    return answer(shown)


def _delete(
    writer: Writer, author: Actor, viewer: Viewer, id_: int, with_media: bool
) -> tuple[dict[str, Any], list[str]]:
    """What was written, for delete-and-redraft, and files that are not needed any more."""
    boost = boosts.by_id(writer, id_)
    if boost is not None:
        return _take_back(writer, author, viewer, boost), []
    post = own(writer, author, viewer, id_)
    shown = unfolded(status_entity.one(writer, viewer, post))
    attached = media.of_posts(writer, [post.id]).get(post.id, [])
    outbox.publish(writer, Delete(id=outbox.new_uri(writer), actor=author.uri, what=post.uri))
    del shown["content"]
    shown |= {"text": post.source or ""}
    if with_media:
        return shown, media_attachments.forget_all(writer, attached)
    return shown | {"media_attachments": media_attachments.own(writer, author, attached)}, []


def _take_back(writer: Writer, author: Actor, viewer: Viewer, boost: Boost) -> dict[str, Any]:
    """A boost, by its own number: the same as `unreblog` of what it brought."""
    if boost.actor != author.id:
        raise not_found()
    post = visible_posts.once_seen(writer, boost.post)
    if post is None:
        raise not_found()
    shown = _shown_last(writer, author, viewer, boost, post)
    unreblog(writer, author, post)
    del shown["content"]
    return shown | {"text": ""}


def _shown_last(
    reader: Reader, author: Actor, viewer: Viewer, boost: Boost, post: Post
) -> dict[str, Any]:
    """A boost of one's own, the words of which one may not see any more, perhaps."""
    if visible_posts.by_id(reader, viewer, post.id) is not None:
        return unfolded(status_entity.of_boost(reader, viewer, boost, post))
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
