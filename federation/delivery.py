"""Carries letters to other servers, each at least once, for a week (RELIABILITY 1).

A host that does not answer closes as a whole, for longer each time; after seven days of failures it
is asked once a day. What a host refuses for good is parked, so it keeps nothing else waiting.
"""

import asyncio
import logging
from collections import Counter
from datetime import timedelta

from federation.errors import FederationError, Forbidden, Unreachable
from federation.fetch import Answer, Door, retry_after
from federation.lookup import signer
from storage import deliveries, hosts, ids, keys, visible_posts
from storage.clock import Clock
from storage.database import Database
from storage.deliveries import Delivery
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
REFUSALS = 4  # attempts after which 401 and 403 count as final
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
        due = await self._database.read(deliveries.next_due, list(self._taken), full, room)
        fresh = [letter for letter in due if self._take(letter)]
        await asyncio.gather(*(self._carry(letter) for letter in fresh))
        return bool(fresh)

    def _take(self, letter: Delivery) -> bool:
        """Asked without waiting in between, so no two take the same."""
        there = sum(host == letter.host for host in self._taken.values())
        if letter.id in self._taken or there >= self._per_host:
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
        finally:
            self._taken.pop(letter.id, None)

    async def _send(self, letter: Delivery) -> Answer:
        key = await self._database.read(keys.signing, letter.actor)
        return await self._door.post(
            letter.inbox,
            body=letter.body.encode(),
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

    async def give_up(self) -> bool:
        """Park what nobody answered for seven days; return whether there was anything."""
        tired = await self._database.conclude(_expire)
        self.outcomes["expired"] += tired
        return bool(tired)


def _may_be_better_later(status: int, attempts: int) -> bool:
    if status in (401, 403):
        return attempts + 1 < REFUSALS
    return status >= 500 or status == 408


def _is_wanted(reader: Reader, letter: Delivery) -> bool:
    """Asked at the moment of sending (SECURITY 81): blocks and suspensions meanwhile count."""
    if hosts.is_blocked(reader, letter.host):
        return False
    if letter.post is None or letter.type in NO_POST_CHECK:
        return True
    return visible_posts.by_id(reader, Peer(letter.host), letter.post) is not None


def _settle(writer: Writer, letter: Delivery) -> None:
    deliveries.settle(writer, letter)
    if hosts.get(writer, letter.host).failures:
        hosts.reached(writer, letter.host)


def _close_host(writer: Writer, letter: Delivery, wait: timedelta | None, reason: str) -> None:
    known = hosts.get(writer, letter.host)
    if wait is None:
        wait = spread(ONCE_DEAD if known.is_dead else pause_after(known.failures))
    hosts.failed(writer, letter.host, wait, reason)


def _expire(writer: Writer) -> int:
    return deliveries.expire(writer, writer.now - PATIENCE)
