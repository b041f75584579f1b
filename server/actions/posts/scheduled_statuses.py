"""Posts for later: kept as they were asked for; composed and posted when their time has come."""

import logging
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from federation.errors import FederationError
from federation.objects.interaction_policy import InteractionPolicy
from federation.objects.poll import Option, Poll
from server.actions.posts import markup, media_attachments
from server.actions.posts.markup import Handle
from server.actions.posts.mentions import resolve
from server.actions.posts.statuses import StatusParams, parent_of, publish, ready
from server.actions.services import Services
from server.refusals import Invalid, Refusal
from storage.access import accounts
from storage.engine.transaction import Reader, Writer
from storage.people import actors
from storage.people.actors import Actor
from storage.posts import idempotency, scheduled_posts
from storage.posts.scheduled_posts import Scheduled, ScheduledParams, ScheduledPoll

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


def ensure_possible(due: datetime, now: datetime) -> None:
    """Raise Invalid for a time that is too near or too far."""
    if due < now + AHEAD:
        raise Invalid(NOT_YET)
    if due > now + FURTHEST:
        raise Invalid(TOO_FAR)


def create(
    writer: Writer, author: Actor, due: datetime, params: StatusParams, key: str = ""
) -> Scheduled | None:
    """Keep what is to be posted then. None where an earlier request had this key.

    Raises Invalid, and NotThere for what it answers.
    """
    if key and not idempotency.claim(writer, author.id, key):
        return None
    planned = schedule(writer, author, due, params, key)
    if key:
        idempotency.keep(writer, author.id, key, planned.id)
    return planned


def schedule(
    writer: Writer, author: Actor, due: datetime, params: StatusParams, key: str = ""
) -> Scheduled:
    """Keep it; its files are its own from now on. Raises Invalid, and NotThere."""
    _ensure_room(writer, author, due)
    parent_of(writer, author, params)
    files = media_attachments.to_attach(writer, author, params.media)
    kept = _to_json(params, key, writer.now)
    return scheduled_posts.add(writer, author.id, due, kept, [row.id for row in files])


def move(writer: Writer, author: Actor, planned: Scheduled, due: datetime) -> None:
    """Another time; also for what could not be posted. Raises Invalid."""
    _ensure_room(writer, author, due, planned)
    scheduled_posts.set_due(writer, planned.id, due)


def _ensure_room(
    reader: Reader, author: Actor, due: datetime, planned: Scheduled | None = None
) -> None:
    of_all, of_day = scheduled_posts.how_many(reader, author.id, due)
    if planned is None and of_all >= MOST:
        raise Invalid(TOO_MANY)
    same_day = planned is not None and planned.due.date() == due.date()
    if not same_day and of_day >= MOST_A_DAY:
        raise Invalid(FULL_DAY)


def _to_json(params: StatusParams, key: str, now: datetime) -> ScheduledParams:
    """Params as they lie in the database."""
    policies = params.policies
    return {
        "text": params.text,
        "spoiler": params.spoiler,
        "visibility": params.visibility,
        "local_only": params.local_only,
        "sensitive": params.sensitive,
        "language": params.language,
        "in_reply_to": params.in_reply_to,
        "poll": _poll_kept(params.poll, now),
        "policies": {
            "reply": policies.reply,
            "like": policies.like,
            "announce": policies.announce,
            "quote": policies.quote,
        },
        "media": list(params.media),
        "application": params.application,
        "expected": None if params.expected is None else sorted(params.expected),
        "key": key,
    }


def _from_json(kept: Mapping[str, Any], now: datetime) -> StatusParams:
    """A name that is not known raises TypeError: what it says might be for whom the post is."""
    plain = dict(kept)
    poll, policies, media = (plain.pop(name) for name in ("poll", "policies", "media"))
    del plain["key"]
    expected = plain.pop("expected", None)
    return StatusParams(
        **plain,
        poll=_poll(poll, now),
        policies=InteractionPolicy(**policies),
        media=tuple(media),
        expected=None if expected is None else frozenset(expected),
    )


def _poll_kept(poll: Poll | None, now: datetime) -> ScheduledPoll | None:
    if poll is None or poll.closes is None:
        return None
    return {
        "options": poll.titles,
        "multiple": poll.multiple,
        "hide_totals": poll.hides,
        "expires_in": round((poll.closes - now).total_seconds()),
    }


def _poll(kept: Mapping[str, Any] | None, now: datetime) -> Poll | None:
    """Poll that is open for as long as was asked, from when it is posted."""
    if kept is None:
        return None
    return Poll(
        options=tuple(Option(title, 0) for title in kept["options"]),
        multiple=kept["multiple"],
        closes=now + timedelta(seconds=kept["expires_in"]),
        voters=0,
        hides=kept["hide_totals"],
    )


async def publish_next(services: Services) -> bool:
    """Post the one that has been due for longest; return whether there was one."""
    database = services.database
    planned = await database.read(scheduled_posts.next_due)
    if planned is None:
        return False
    mentioned = await resolve(services, markup.find_mentions(planned.params["text"]))
    try:
        await database.write_always(_publish, planned, mentioned)
    except (FederationError, Refusal) as refused:
        await database.write_always(scheduled_posts.park, planned.id, str(refused))
    except Exception:
        log.exception("the post for later %s could not be posted", planned.id)
        await database.write_always(_put_off, planned)
    return True


def _publish(writer: Writer, planned: Scheduled, mentioned: Mapping[Handle, Actor]) -> None:
    """Checked, composed, said, and its row gone, in one unit."""
    if scheduled_posts.one(writer, planned.author, planned.id) != planned:
        return  # moved, taken back or posted meanwhile
    author = actors.by_id(writer, planned.author)
    if author is None or not _may_post(writer, author):
        scheduled_posts.park(writer, planned.id, NOT_ALLOWED)
        return
    key = planned.params["key"]
    scheduled_posts.remove(writer, planned.id)
    params = _from_json(planned.params, writer.now)
    id_ = publish(writer, ready(writer, author, params, mentioned))
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
    """Put off a post that failed by our fault, to be tried again behind the others."""
    if scheduled_posts.one(writer, planned.author, planned.id) == planned:
        scheduled_posts.set_due(writer, planned.id, writer.now + REST)
