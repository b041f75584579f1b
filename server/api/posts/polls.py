"""`/api/v1/polls`: what is chosen among, and choosing. A poll has the number of its post."""

from datetime import datetime, timedelta

from aiohttp import web

from federation.objects.poll import Option, Poll
from federation.vocabulary.sanitize_html import line
from server.actions.posts import polls
from server.api.common import post_number
from server.entities import poll as poll_entity
from server.entities import shapes
from server.http.app_keys import DATABASE
from server.http.errors import unprocessable
from server.http.forms import Form, form_of
from server.http.guard import Access, Route, current_user, get, post
from server.http.responses import answer
from server.services import SERVICES
from storage.engine.ids import PostId
from storage.engine.transaction import Reader, Writer
from storage.people.actors import Actor
from storage.posts.visibility import Viewer

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
    """Poll as it stands; of others', a member's question asks its server again now and then."""
    who, id_ = current_user(request), post_number(request)
    if who.actor is not None:
        await polls.refresh(request.app[SERVICES], who.viewer, id_)
    return answer(await request.app[DATABASE].read(_show, who.viewer, id_))


def _show(reader: Reader, viewer: Viewer, id_: PostId) -> shapes.Poll:
    polls.visible_poll(reader, viewer, id_)
    return poll_entity.many(reader, viewer, [id_])[id_]


async def vote(request: web.Request) -> web.Response:
    form, who = await form_of(request), current_user(request)
    chosen = sorted({int(one) for one in form.texts("choices", 50) if _is_position(one)})
    if len(chosen) != len(set(form.texts("choices", 50))):
        raise unprocessable("Validation failed: The chosen vote option does not exist")
    body = await request.app[DATABASE].write(
        _vote, who.me, who.viewer, post_number(request), chosen
    )
    return answer(body)


def _is_position(text: str) -> bool:
    return text.isdecimal() and text.isascii() and len(text) < 4


def _vote(writer: Writer, me: Actor, viewer: Viewer, id_: PostId, chosen: list[int]) -> shapes.Poll:
    polls.vote(writer, me, id_, chosen)
    return poll_entity.many(writer, viewer, [id_])[id_]


ROUTES: list[Route] = [
    get("/api/v1/polls/{id}", show, Access.PUBLIC, "read:statuses"),
    post("/api/v1/polls/{id}/votes", vote, Access.MEMBER, "write:statuses"),
]
