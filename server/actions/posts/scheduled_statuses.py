"""Posts for later: kept as they were asked for; composed and posted when their time has come.

The wish, as JSON: text, spoiler, visibility, local_only, sensitive, language, in_reply_to (number
of a post), poll (options, multiple, hide_totals, expires_in in seconds), policies (reply, like,
announce, quote), media (numbers, in order), application (number) and key (Idempotency-Key).
"""

import logging
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from aiohttp import web

from federation.errors import FederationError
from federation.objects.interaction_policy import InteractionPolicy
from federation.objects.poll import Option, Poll
from server.actions.posts import markup, media_attachments
from server.actions.posts.markup import Handle
from server.actions.posts.mentions import resolve
from server.actions.posts.statuses import NewStatus, publish
from server.http.app_keys import DATABASE
from server.http.errors import Refused, unprocessable
from server.http.forms import Form
from storage.access import accounts
from storage.engine.transaction import Reader, Writer
from storage.people import actors
from storage.people.actors import Actor
from storage.posts import idempotency, scheduled_posts, visible_posts
from storage.posts.scheduled_posts import Scheduled
from storage.posts.visibility import Member
from storage.posts.visible_posts import Post

log = logging.getLogger(__name__)

AHEAD = timedelta(minutes=5)
FURTHEST = timedelta(days=3653)
MOST, MOST_A_DAY = 300, 25
REST = timedelta(minutes=10)

NOT_YET = "A post for later needs a time at least five minutes from now. Nothing was changed."
TOO_FAR = "A post for later needs a time within the next ten years. Nothing was changed."
NO_TIME = "“scheduled_at” should be a time such as 2030-01-31T12:00:00Z."
TOO_MANY = f"There is room for {MOST} posts for later, and you have as many. Nothing was changed."
FULL_DAY = f"{MOST_A_DAY} posts are planned for that day already. Nothing was changed."

# Kept with what could not be posted.
NOT_ALLOWED, NO_PARENT = "author may not post", "what it answers is not there"


def parse_time(form: Form, now: datetime) -> datetime | None:
    """When to post, or None where it is not for later. Raises Refused: 422."""
    text = (form.text("scheduled_at", 100) or "").strip()
    if not text:
        return None
    try:
        found = datetime.fromisoformat(text)
        due = found.replace(tzinfo=found.tzinfo or UTC).astimezone(UTC)
    except (ValueError, OverflowError):
        raise unprocessable(NO_TIME) from None
    if due < now + AHEAD:
        raise unprocessable(NOT_YET)
    if due > now + FURTHEST:
        raise unprocessable(TOO_FAR)
    return due


def schedule(writer: Writer, author: Actor, due: datetime, params: Mapping[str, Any]) -> Scheduled:
    """Keep it; its files are its own from now on. Raises Refused: 422, or 404 for the parent."""
    _ensure_room(writer, author, due)
    _parent(writer, author, params)
    files = media_attachments.to_attach(writer, author, params["media"])
    kept = {**params, "poll": _poll_kept(params["poll"], writer.now), "policies": _kept(params)}
    return scheduled_posts.add(writer, author.id, due, kept, [row.id for row in files])


def move(writer: Writer, author: Actor, planned: Scheduled, due: datetime) -> None:
    """Another time; also for what could not be posted. Raises Refused: 422."""
    _ensure_room(writer, author, due, planned)
    scheduled_posts.set_due(writer, planned.id, due)


def _ensure_room(
    reader: Reader, author: Actor, due: datetime, planned: Scheduled | None = None
) -> None:
    of_all, of_day = scheduled_posts.how_many(reader, author.id, due)
    if planned is None and of_all >= MOST:
        raise unprocessable(TOO_MANY)
    same_day = planned is not None and planned.due.date() == due.date()
    if not same_day and of_day >= MOST_A_DAY:
        raise unprocessable(FULL_DAY)


def _parent(reader: Reader, author: Actor, params: Mapping[str, Any]) -> Post | None:
    if params["in_reply_to"] is None:
        return None
    found = visible_posts.by_id(reader, Member(author.id), params["in_reply_to"])
    if found is None:
        raise Refused(404, "The post you are answering is not there, or not meant for you.")
    return found


def _kept(params: Mapping[str, Any]) -> dict[str, str]:
    chosen: InteractionPolicy = params["policies"]
    names = ("reply", "like", "announce", "quote")
    return {name: getattr(chosen, name) for name in names}


def _poll_kept(poll: Poll | None, now: datetime) -> dict[str, Any] | None:
    if poll is None or poll.closes is None:
        return None
    return {
        "options": poll.titles,
        "multiple": poll.multiple,
        "hide_totals": poll.hides,
        "expires_in": round((poll.closes - now).total_seconds()),
    }


def _poll(kept: Mapping[str, Any] | None, now: datetime) -> Poll | None:
    """It is open for as long as was asked, from when it is posted."""
    if kept is None:
        return None
    return Poll(
        options=tuple(Option(title, 0) for title in kept["options"]),
        multiple=kept["multiple"],
        closes=now + timedelta(seconds=kept["expires_in"]),
        voters=0,
        hides=kept["hide_totals"],
    )


async def publish_next(app: web.Application) -> bool:
    """Post the one that has been due for longest; return whether there was one."""
    database = app[DATABASE]
    planned = await database.read(scheduled_posts.next_due)
    if planned is None:
        return False
    mentioned = await resolve(app, markup.find_mentions(planned.params["text"]))
    try:
        await database.conclude(_publish, planned, mentioned)
    except (FederationError, Refused) as refused:
        await database.conclude(scheduled_posts.park, planned.id, str(refused))
    except Exception:
        log.exception("the post for later %s could not be posted", planned.id)
        await database.conclude(_put_off, planned)
    return True


def _publish(writer: Writer, planned: Scheduled, mentioned: Mapping[Handle, Actor]) -> None:
    """Checked, composed, said, and its row gone, in one unit."""
    if scheduled_posts.one(writer, planned.author, planned.id) != planned:
        return  # moved, taken back or posted meanwhile
    author = actors.by_id(writer, planned.author)
    if author is None or not _may_post(writer, author):
        scheduled_posts.park(writer, planned.id, NOT_ALLOWED)
        return
    params = dict(planned.params)
    key = params.pop("key")
    scheduled_posts.remove(writer, planned.id)
    params |= {
        "in_reply_to": _parent(writer, author, params),
        "poll": _poll(params["poll"], writer.now),
        "policies": InteractionPolicy(**params["policies"]),
        "media": media_attachments.to_attach(writer, author, params["media"]),
    }
    id_ = publish(writer, NewStatus(author=author, mentioned=mentioned, **params))
    if key:
        idempotency.became(writer, author.id, planned.id, id_)


def _may_post(reader: Reader, author: Actor) -> bool:
    account = accounts.by_actor(reader, author.id)
    return (
        account is not None
        and author.effective_state == account.state == "active"
        and account.frozen is None
    )


def _put_off(writer: Writer, planned: Scheduled) -> None:
    """What failed by our fault is tried again, behind the others."""
    if scheduled_posts.one(writer, planned.author, planned.id) == planned:
        scheduled_posts.set_due(writer, planned.id, writer.now + REST)
