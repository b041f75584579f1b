"""Carries letters to other servers, each at least once, for a week (RELIABILITY 1).

A host that does not answer closes as a whole, for longer each time; after seven days of failures it
is asked once a day. What a host refuses for good is parked, so it keeps nothing else waiting.
"""

import asyncio
import logging
from collections import Counter
from datetime import timedelta

from federation import media_links
from federation.errors import FederationError, Forbidden, Unreachable
from federation.fetch import Answer, Door, retry_after
from federation.lookup import signer
from storage import (
    actors,
    blocks,
    deliveries,
    follows,
    hosts,
    ids,
    keys,
    posts,
    visible_posts,
)
from storage.clock import Clock, milliseconds
from storage.database import Database
from storage.deliveries import Delivery
from storage.paging import Page
from storage.units import Reader, Writer
from storage.visibility import Peer

log = logging.getLogger(__name__)

SCHEDULE = tuple(
    timedelta(seconds=seconds) for seconds in (30, 120, 600, 1800, 3600, 7200, 14400, 28800)
)
AFTERWARDS = timedelta(hours=12)
ONCE_DEAD = timedelta(days=1)
PATIENCE = timedelta(days=7)
JITTER = 0.25
REFUSALS = 4  # attempts after which 401 and 403, or a fault of ours, count as final
CONTENT_TYPE = 'application/ld+json; profile="https://www.w3.org/ns/activitystreams"'
NO_POST_CHECK = ("Delete", "Undo", "Accept", "Reject", "Follow", "Block")


def pause_after(failures: int) -> timedelta:
    """How long to wait after so many failures in a row, without jitter."""
    return SCHEDULE[failures] if failures < len(SCHEDULE) else AFTERWARDS


def spread(pause: timedelta) -> timedelta:
    """±25 %, so that not everything comes at once."""
    return pause * (1 - JITTER + 2 * JITTER * ids.fraction())


class Courier:
    """Takes what is due, a few letters for each host at once."""

    def __init__(
        self, database: Database, door: Door, clock: Clock, *, at_once: int = 64, per_host: int = 2
    ) -> None:
        self._database = database
        self._door = door
        self._clock = clock
        self._at_once = at_once
        self._per_host = per_host
        self._taken: dict[int, str] = {}
        self.outcomes: Counter[str] = Counter()

    async def deliver_due(self) -> bool:
        """Deliver whatever is due now; return whether there was anything."""
        full = [h for h, n in Counter(self._taken.values()).items() if n >= self._per_host]
        room = self._at_once - len(self._taken)
        due = await self._database.read(_due, list(self._taken), full, room)
        fresh = [letter for letter, is_probe in due if self._take(letter, is_probe)]
        await asyncio.gather(*(self._carry(letter) for letter in fresh))
        return bool(fresh)

    def _take(self, letter: Delivery, is_probe: bool) -> bool:
        """Asked without waiting in between, so no two take the same."""
        there = sum(host == letter.host for host in self._taken.values())
        if letter.id in self._taken or there >= (1 if is_probe else self._per_host):
            return False
        self._taken[letter.id] = letter.host
        return True

    async def _carry(self, letter: Delivery) -> None:
        try:
            if not await self._database.read(_is_wanted, letter):
                await self._settled(letter, "withdrawn")
                return
            await self._judge(letter, await self._send(letter))
        except Unreachable as error:
            await self._unanswered(letter, None, str(error))
        except Forbidden as error:
            await self._database.conclude(deliveries.park, letter, str(error))
            self.outcomes["refused"] += 1
        except FederationError as error:
            await self._later(letter, str(error))
        except Exception as error:
            log.exception("letter %d to %s could not be carried", letter.id, letter.inbox)
            await self._faulty(letter, f"a fault of ours: {type(error).__name__}")
        finally:
            self._taken.pop(letter.id, None)

    async def _send(self, letter: Delivery) -> Answer:
        key = await self._database.read(keys.signing, letter.actor)
        here, reader = self._database.here, Peer(letter.host)
        return await self._door.post(
            letter.inbox,
            body=media_links.opened(here, letter.body.encode(), reader, self._clock()),
            content_type=CONTENT_TYPE,
            sign=signer(key, self._clock),
        )

    async def _judge(self, letter: Delivery, answer: Answer) -> None:
        status = answer.status
        if status < 300:
            await self._settled(letter, "delivered")
        elif status in (429, 503):
            wait = retry_after(answer.headers, self._clock())
            await self._unanswered(letter, wait, f"answered {status}")
        elif status in (404, 410):
            await self._settled(letter, "gone")
        elif _may_be_better_later(status, letter.attempts):
            await self._later(letter, f"answered {status}")
        else:
            await self._database.conclude(deliveries.park, letter, f"answered {status}")
            self.outcomes["refused"] += 1

    async def _settled(self, letter: Delivery, outcome: str) -> None:
        await self._database.conclude(_settle, letter)
        self.outcomes[outcome] += 1

    async def _unanswered(self, letter: Delivery, wait: timedelta | None, reason: str) -> None:
        """The host as a whole waits."""
        await self._database.conclude(_close_host, letter, wait, reason)
        self.outcomes["unanswered"] += 1

    async def _later(self, letter: Delivery, reason: str) -> None:
        """Let only this letter wait; others of the host go on."""
        pause = spread(pause_after(letter.attempts))
        await self._database.conclude(deliveries.postpone, letter, pause, reason)
        self.outcomes["postponed"] += 1

    async def _faulty(self, letter: Delivery, reason: str) -> None:
        """Try a few times, then park it: nobody else waits for it (SECURITY 49)."""
        if letter.attempts + 1 < REFUSALS:
            await self._later(letter, reason)
        else:
            await self._database.conclude(deliveries.park, letter, reason)
            self.outcomes["faulty"] += 1

    async def give_up(self) -> bool:
        """Park what nobody answered for seven days; return whether there was anything."""
        tired = await self._database.conclude(_expire)
        self.outcomes["expired"] += tired
        return bool(tired)


def _may_be_better_later(status: int, attempts: int) -> bool:
    if status in (401, 403):
        return attempts + 1 < REFUSALS
    return status >= 500 or status == 408


def _due(
    reader: Reader, taken: list[int], full: list[str], room: int
) -> list[tuple[Delivery, bool]]:
    """What may go, and whether it is a probe: a host that failed is tried with one letter."""
    found = deliveries.next_due(reader, taken, full, room)
    return [(letter, hosts.get(reader, letter.host).failures > 0) for letter in found]


def _is_wanted(reader: Reader, letter: Delivery) -> bool:
    """Asked at the moment of sending (SECURITY 81): blocks and suspensions meanwhile count."""
    speaker = actors.by_id(reader, letter.actor)
    if hosts.is_blocked(reader, letter.host) or speaker is None:
        return False
    if speaker.state == "suspended":
        return letter.post is None and letter.type == "Update"  # that they are
    if letter.post is None or letter.type in NO_POST_CHECK:
        return True
    if _has_blocked_since(reader, letter) and letter.inbox not in _inboxes_now(reader, letter):
        return False
    return visible_posts.by_id(reader, Peer(letter.host), letter.post) is not None


def _has_blocked_since(reader: Reader, letter: Delivery) -> bool:
    """Whether its speaker has blocked anybody since it was written."""
    newest = blocks.page_of(reader, letter.actor, Page(1))
    return bool(newest) and newest[0][0] >> 16 >= milliseconds(letter.created_at)


def _inboxes_now(reader: Reader, letter: Delivery) -> set[str]:
    """Where its words would go if they were said now, blocks taken off."""
    about = posts.by_id(reader, letter.post or 0)
    named = [one.actor for one in posts.recipients(reader, letter.post or 0)]
    people = actors.many(reader, [*named, *([about.author] if about else [])]).values()
    heard = [one for one in people if not blocks.exists(reader, letter.actor, one.id)]
    return {
        *follows.inboxes(reader, letter.actor),
        *(one.inbox for one in heard),
        *(one.inbox_for_many for one in heard),
    }


def _settle(writer: Writer, letter: Delivery) -> None:
    deliveries.settle(writer, letter)
    if hosts.get(writer, letter.host).failures:
        hosts.reached(writer, letter.host)


def _close_host(writer: Writer, letter: Delivery, wait: timedelta | None, reason: str) -> None:
    """One failure for all letters that were under way together, so that the schedule is kept."""
    known = hosts.get(writer, letter.host)
    if known.open_at > writer.now:
        return
    if wait is None:
        wait = spread(ONCE_DEAD if known.is_dead else pause_after(known.failures))
    hosts.failed(writer, letter.host, wait, reason)


def _expire(writer: Writer) -> int:
    return deliveries.expire(writer, writer.now - PATIENCE)
