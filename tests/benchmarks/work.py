"""What members and other servers do in a bench, and what each of it costs the server."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from itertools import cycle, islice

from aiohttp import ClientSession

from tests.benchmarks.load import Ask, Figure, Process, measure
from tests.benchmarks.village import Member, signed_post
from tests.federation.world import Stranger

TEXT = "The apples are ripe, and there are more than we can eat. Come by at four! #garden"
PATIENCE = 120.0  # seconds until what should have happened counts as lost


@dataclass(frozen=True)
class Size:
    """Amount of what is done; `seconds` is how long wrk asks for one thing."""

    members: int
    posts: int
    times: int
    servers: int
    seconds: int


@dataclass(frozen=True)
class Bench:
    """The server, its members, their neighbours, and how often each thing is done."""

    session: ClientSession
    process: Process
    members: list[Member]
    strangers: list[Stranger]
    size: Size

    @property
    def me(self) -> Member:
        return self.members[0]

    async def measure(self, asks: Sequence[Ask], together: int = 8) -> Figure:
        return await measure(self.session, self.process, "", list(asks), together)

    async def post(self, times: int, together: int) -> Figure:
        """The members in turn, each to the home timelines of all."""
        speakers = enumerate(islice(cycle(self.members), times))
        return await self.measure([who.says(f"{TEXT} ({one})") for one, who in speakers], together)

    async def befriend(self) -> None:
        """The first member and the neighbours follow each other."""
        for stranger in self.strangers:
            number = await self._number_of(stranger)
            await self.me.call(self.session, self.me.posts(f"/api/v1/accounts/{number}/follow"))
        await self.measure(self._follows(self.strangers))
        await self._followed_by(len(self.strangers))

    async def be_followed(self, times: int) -> Figure:
        """Have unknown people follow: the server fetches their actors, and sends an Accept."""
        hosts = islice(cycle(self.strangers), times)
        new = [one.at.person(f"new{number}") for number, one in enumerate(hosts)]
        follows = self._follows(new)

        async def work() -> None:
            await self.measure(follows)
            await self._followed_by(len(self.strangers) + times)
            await until(self._told_of(2 * len(self.strangers) + times))

        return await self._whole(times, work())

    async def receive(self, times: int) -> Figure:
        """Notes that mention the first member, by all neighbours: until they can be seen."""
        each = max(1, times // len(self.strangers))
        numbers = [await self._number_of(one) for one in self.strangers]
        tag = {"type": "Mention", "href": self.me.uri, "name": f"@{self.me.name}"}
        arrived = [
            self._signed(one, "Create", one.note(f"<p>{TEXT}</p>", cc=[self.me.uri], tag=[tag]))
            for _ in range(each)
            for one in self.strangers
        ]

        async def work() -> None:
            await self.measure(arrived)
            for number in numbers:
                await until(lambda: self._have_said(number, each))  # noqa: B023

        return await self._whole(len(arrived), work())

    async def fan_out(self, posts: int) -> Figure:
        """Posts of one member, until every neighbour has them all: the cost of one delivery."""
        due = posts * len(self.strangers)
        arrived = self._told_of(self._arrived() + due)

        async def work() -> None:
            await self.measure([self.me.says(f"{TEXT} ({one})") for one in range(posts)])
            await until(arrived)

        return await self._whole(due, work())

    # ---- how it is known that it has happened ----

    async def _whole(self, times: int, work: Awaitable[None]) -> Figure:
        """Measure all that the server did until the work was done."""
        cpu, began = self.process.cpu(), time.perf_counter()
        await work
        return Figure("", times, time.perf_counter() - began, self.process.cpu() - cpu)

    def _signed(self, who: Stranger, verb: str, what: object) -> Ask:
        return signed_post(who, self.me.base, who.says(verb, what))

    def _follows(self, who: Sequence[Stranger]) -> list[Ask]:
        return [self._signed(one, "Follow", self.me.uri) for one in who]

    def _arrived(self) -> int:
        return sum(len(one.at.arrived) for one in self.strangers)

    def _told_of(self, count: int) -> Callable[[], Awaitable[bool]]:
        async def told() -> bool:
            return self._arrived() >= count

        return told

    async def _number_of(self, stranger: Stranger) -> str:
        handle = f"@{stranger.name}@{stranger.at.host}"
        search = self.me.asks(f"/api/v2/search?q={handle}&resolve=true&type=accounts")
        return str((await self.me.call(self.session, search))["accounts"][0]["id"])

    async def _followed_by(self, strangers: int) -> None:
        async def followed() -> bool:
            return await self._count(self.me.id, "followers_count") >= expected

        expected = len(self.members) - 1 + strangers
        await until(followed)

    async def _have_said(self, number: str, times: int) -> bool:
        return await self._count(number, "statuses_count") >= times

    async def _count(self, number: str, what: str) -> int:
        account = await self.me.call(self.session, self.me.asks(f"/api/v1/accounts/{number}"))
        return int(account[what])


async def until(done: Callable[[], Awaitable[bool]]) -> None:
    """Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE):
        while not await done():
            await asyncio.sleep(0.05)
