"""`/api/v1/polls`: what is chosen among, and choosing. A poll has the number of its post."""

from datetime import datetime, timedelta
from typing import Any

from aiohttp import web

from federation.activities import Create
from federation.errors import Forbidden
from federation.objects.note import Note
from federation.objects.poll import Option, Poll
from federation.outbound import outbox
from federation.vocabulary import uris
from federation.vocabulary.sanitize_html import SafeHtml, line, trusted
from server.actions.posts.polls import refresh
from server.api.common import number
from server.entities import poll as poll_entity
from server.http.app_keys import DATABASE
from server.http.errors import not_found, unprocessable
from server.http.forms import Form, form_of
from server.http.guard import Access, Route, current_user, get, post
from server.http.responses import answer
from storage.engine.transaction import Reader, Writer
from storage.people import actors
from storage.people.actors import Actor
from storage.posts import polls, visible_posts
from storage.posts.visibility import Viewer
from storage.posts.visible_posts import Post

MOST_OPTIONS = 8
MOST_TITLE = 100
SHORTEST, LONGEST = 300, 2_629_746  # seconds


def parse_poll(form: Form, now: datetime) -> Poll | None:
    """The poll that a client asks for. Raises Refused, 422, with what is wrong."""
    params = form.group("poll")
    titles = [line(title, MOST_TITLE + 1) for title in params.texts("options")] if params else []
    if params is None or not any(titles):
        return None
    titles = [title for title in titles if title]
    if not 2 <= len(titles) <= MOST_OPTIONS:
        raise unprocessable(f"A poll needs two to {MOST_OPTIONS} options. Nothing was posted.")
    if any(len(title) > MOST_TITLE for title in titles):
        raise unprocessable(f"An option can have {MOST_TITLE} characters. Nothing was posted.")
    if len(set(titles)) < len(titles):
        raise unprocessable("Two options of the poll are the same. Nothing was posted.")
    seconds = params.number("expires_in")
    if seconds is None or not SHORTEST <= seconds <= LONGEST:
        raise unprocessable("A poll is open for 5 minutes to a month. Nothing was posted.")
    return Poll(
        options=tuple(Option(title, 0) for title in titles),
        multiple=bool(params.flag("multiple")),
        closes=now + timedelta(seconds=seconds),
        voters=0,
        hides=bool(params.flag("hide_totals")),
    )


async def show(request: web.Request) -> web.Response:
    """As it stands; of somebody else's, a member's question asks its server again now and then."""
    who, id_ = current_user(request), number(request)
    if who.actor is not None:
        await refresh(request.app, who.viewer, id_)
    return answer(await request.app[DATABASE].read(_show, who.viewer, id_))


def _show(reader: Reader, viewer: Viewer, id_: int) -> dict[str, Any]:
    _polled(reader, viewer, id_)
    return poll_entity.many(reader, viewer, [id_])[id_]


def _polled(reader: Reader, viewer: Viewer, id_: int) -> tuple[Post, polls.Poll]:
    found, poll = visible_posts.by_id(reader, viewer, id_), polls.of(reader, id_)
    if found is None or poll is None:
        raise not_found()
    return found, poll


async def vote(request: web.Request) -> web.Response:
    form, who = await form_of(request), current_user(request)
    chosen = sorted({int(one) for one in form.texts("choices", 50) if _is_position(one)})
    if len(chosen) != len(set(form.texts("choices", 50))):
        raise unprocessable("Validation failed: The chosen vote option does not exist")
    try:
        body = await request.app[DATABASE].write(_vote, who.me, who.viewer, number(request), chosen)
    except Forbidden as refused:
        raise unprocessable(f"Validation failed: {refused}") from refused
    return answer(body)


def _is_position(text: str) -> bool:
    return text.isdecimal() and text.isascii() and len(text) < 4


def _vote(writer: Writer, me: Actor, viewer: Viewer, id_: int, chosen: list[int]) -> dict[str, Any]:
    """All of them or none, in one unit; where several may be chosen, others may be added later."""
    asked, poll = _polled(writer, viewer, id_)
    author = actors.by_id(writer, asked.author)
    if not chosen or author is None:
        raise unprocessable("Validation failed: Choose at least one option")
    if chosen[-1] >= len(poll.options):
        raise unprocessable("Validation failed: The chosen vote option does not exist")
    for position in chosen:
        said = _said(writer, me, author, asked, poll.options[position].title)
        outbox.publish(writer, Create(id=outbox.new_uri(writer), actor=me.uri, note=said))
    return poll_entity.many(writer, viewer, [id_])[id_]


def _said(writer: Writer, me: Actor, author: Actor, asked: Post, title: str) -> Note:
    return Note(
        id=uris.vote(writer.site, writer.new_id()),
        author=me.uri,
        content=_NO_WORDS,
        vote=title,
        in_reply_to=asked.uri,
        published=writer.now,
        to=(author.uri,),
    )


_NO_WORDS: SafeHtml = trusted("")

ROUTES: list[Route] = [
    get("/api/v1/polls/{id}", show, Access.PUBLIC, "read:statuses"),
    post("/api/v1/polls/{id}/votes", vote, Access.MEMBER, "write:statuses"),
]
