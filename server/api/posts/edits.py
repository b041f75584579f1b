"""Changing what one wrote: edit, its source, its history, and who may do what with it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from aiohttp import web

from federation.objects import from_rows
from federation.objects.interaction_policy import InteractionPolicy
from federation.vocabulary.addressing import visibility
from federation.vocabulary.language_tags import parse_language
from federation.vocabulary.sanitize_html import plain
from server.actions.finding import own_post, visible_post
from server.actions.posts import markup, media_attachments, statuses
from server.actions.posts.media_attachments import Described
from server.actions.posts.mentions import resolve
from server.actions.posts.statuses import VISIBILITIES, StatusEdit
from server.api.common import post_number
from server.api.media.params import parse_attributes, parse_ids
from server.api.posts.interaction_policy import parse_interaction_policy
from server.api.posts.params import parse_expected, parse_text, parse_visibility
from server.api.posts.polls import parse_poll
from server.entities import account as account_entity
from server.entities import emoji as emoji_entity
from server.entities import shapes
from server.entities import status as status_entity
from server.entities.json_parts import Rendered
from server.entities.shared import when
from server.http.app_keys import DATABASE, OUTSIDE, SETTINGS
from server.http.errors import unprocessable
from server.http.forms import Form, form_of
from server.http.guard import Access, Route, current_user, get, put
from server.http.responses import answer
from server.services import SERVICES
from storage.engine.ids import PostId
from storage.engine.transaction import Reader, Writer
from storage.media import attachments as media
from storage.media.attachments import Media
from storage.people.actors import Actor
from storage.posts import edits, polls, visible_posts
from storage.posts.edits import Edit
from storage.posts.visibility import Viewer
from storage.posts.visible_posts import Post


async def edit(request: web.Request) -> web.Response:
    """Say it otherwise. What is not sent is no longer there; without a text, the text stays."""
    form, who, id_ = await form_of(request), current_user(request), post_number(request)
    if form.values.get("scheduled_at"):
        raise unprocessable("This post is out; an edit counts at once. Nothing was changed.")
    before = await request.app[DATABASE].read(own_post, who.me, who.viewer, id_)
    _ensure_as_wide(form, before)
    if "status" not in form:
        form = Form({**form.values, "status": before.source or ""})
    text, spoiler = await parse_text(form, request.app[SETTINGS].max_characters)
    mentioned = await resolve(request.app[SERVICES], markup.find_mentions(text))
    statuses.ensure_expected(who.me, mentioned, parse_expected(form))
    now = request.app[OUTSIDE].clock()
    wording = StatusEdit(
        text=text,
        spoiler=spoiler,
        sensitive=bool(form.flag("sensitive")),
        language=parse_language(form.text("language")) or before.language,
        mentioned=mentioned,
        poll=parse_poll(form, now),
        policies=parse_interaction_policy(form, from_rows.interaction_policy_of(before)),
    )
    ids, described = parse_ids(form), parse_attributes(form)
    return answer(
        await request.app[DATABASE].write(_edit, who.me, who.viewer, id_, wording, ids, described)
    )


def _ensure_as_wide(form: Form, post: Post) -> None:
    """An edit lets nobody in and keeps nobody out: whoever asks for fewer readers is told so."""
    wanted = parse_visibility(form)
    known = visibility(post.kind, post.listed)
    narrower = wanted is not None and VISIBILITIES.index(wanted) > VISIBILITIES.index(known)
    stays = (form.flag("local_only") or wanted == "local") and not post.local_only
    if stays or (narrower and not (wanted == "local" and post.local_only)):
        raise unprocessable(
            "An edit does not change who can read a post. Delete it and write it anew."
            " Nothing was changed."
        )


def _edit(
    writer: Writer,
    author: Actor,
    viewer: Viewer,
    id_: PostId,
    wording: StatusEdit,
    media_ids: Sequence[int],
    described: Mapping[int, Described],
) -> Rendered:
    attached = media_attachments.to_attach(writer, author, media_ids, id_)
    wording = replace(wording, media=media_attachments.redescribe(attached, described))
    statuses.revise(writer, author, own_post(writer, author, viewer, id_), wording)
    return status_entity.one(writer, viewer, visible_post(writer, viewer, id_))


async def interaction_policy(request: web.Request) -> web.Response:
    form, who = await form_of(request), current_user(request)
    wanted = partial(parse_interaction_policy, form)
    return answer(
        await request.app[DATABASE].write(
            _set_policy, who.me, who.viewer, post_number(request), wanted
        )
    )


def _set_policy(
    writer: Writer,
    author: Actor,
    viewer: Viewer,
    id_: PostId,
    wanted: Callable[[InteractionPolicy], InteractionPolicy],
) -> Rendered:
    """`wanted` says what becomes of the policy that it has in this unit."""
    post = own_post(writer, author, viewer, id_)
    policies = wanted(from_rows.interaction_policy_of(post))
    statuses.set_interaction_policy(writer, author, post, policies)
    return status_entity.one(writer, viewer, visible_post(writer, viewer, id_))


async def source(request: web.Request) -> web.Response:
    viewer = current_user(request).viewer
    return answer(await request.app[DATABASE].read(_source, viewer, post_number(request)))


def _source(reader: Reader, viewer: Viewer, id_: PostId) -> shapes.StatusSource:
    """Text as it was typed; of what others wrote, the text that their markup shows."""
    post = visible_post(reader, viewer, id_)
    text = plain(post.content) if post.source is None else post.source
    return {"id": str(post.id), "text": text, "spoiler_text": post.spoiler}


async def history(request: web.Request) -> web.Response:
    viewer = current_user(request).viewer
    return answer(await request.app[DATABASE].read(_history, viewer, post_number(request)))


def _history(reader: Reader, viewer: Viewer, id_: PostId) -> list[shapes.StatusEdit]:
    """Versions of a post, the first first; the last is how it reads now."""
    post = visible_post(reader, viewer, id_)
    account = account_entity.many(reader, [post.author])[post.author]
    poll = polls.of(reader, post.id)
    attached = media.of_posts(reader, [post.id]).get(post.id, [])
    shown = [{"id": one.id, "description": one.description} for one in attached]
    now = Edit(
        post.title,
        post.content,
        post.spoiler,
        post.sensitive,
        {"poll": poll.titles if poll else [], "media": shown},
        _since(post),
    )
    read = [*edits.of(reader, post.id), now]
    host = visible_posts.hosts(reader, [post.id])[post.id]
    said = emoji_entity.find_used(
        reader, {at: (host, (one.content, one.spoiler)) for at, one in enumerate(read)}
    )
    files = [status_entity.media_of(reader, viewer, post, _as_then(attached, one)) for one in read]
    return [_render(one, post.type, account, files[at], said[at]) for at, one in enumerate(read)]


def _as_then(attached: Sequence[Media], edit: Edit) -> list[Media]:
    """Files that were attached then and still exist, as they were described."""
    there = {one.id: one for one in attached}
    told = [(there.get(one["id"]), one["description"]) for one in edit.beside.get("media", ())]
    return [replace(one, description=text) for one, text in told if one is not None]


def _since(post: Post) -> datetime:
    return post.edited_at or post.published_at


def _render(
    one: Edit,
    type_: str,
    account: shapes.Account,
    files: Rendered,
    emojis: list[shapes.CustomEmoji],
) -> shapes.StatusEdit:
    titles: Sequence[str] = one.beside.get("poll", ())
    question: shapes.StatusEditQuestion = (
        {"poll": {"options": [{"title": title} for title in titles]}} if titles else {}
    )
    return {
        "content": status_entity.with_title(type_, one.title, one.content),
        "spoiler_text": one.spoiler,
        "sensitive": one.sensitive,
        "created_at": when(one.since),
        "account": account,
        **question,
        "media_attachments": files,
        "emojis": emojis,
    }


_ONE = "/api/v1/statuses/{id}"

ROUTES: list[Route] = [
    put(_ONE, edit, Access.MEMBER, "write:statuses", limits=("api", "post")),
    get(f"{_ONE}/source", source, Access.MEMBER, "read:statuses"),
    get(f"{_ONE}/history", history, Access.PUBLIC, "read:statuses"),
    put(f"{_ONE}/interaction_policy", interaction_policy, Access.MEMBER, "write:statuses"),
]
