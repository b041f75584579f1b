"""`python -m tests.benchmarks`: start a server, fill it, and say what its work costs.

With `--storage`, what storage costs by itself comes after it (`tests/benchmarks/storage.py`).
"""

import argparse
import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from subprocess import DEVNULL
from tempfile import TemporaryDirectory

from aiohttp import ClientSession, TCPConnector

from tests.benchmarks import storage
from tests.benchmarks.load import Figure, Process, measure
from tests.benchmarks.village import Member, letter, move_in, neighbours
from tests.federation.world import Stranger
from tests.support.process import free_port, running

TEXT = "The apples are ripe, and there are more than we can eat. Come by at four! #garden"
PATIENCE = 120.0  # seconds until what should have happened counts as lost


@dataclass(frozen=True)
class Size:
    """How much is done."""

    members: int
    posts: int
    times: int
    servers: int


@dataclass(frozen=True)
class Bench:
    """The server, its members, their neighbours, and how often each thing is done."""

    session: ClientSession
    process: Process
    members: list[Member]
    strangers: list[Stranger]
    size: Size

    @property
    def base(self) -> str:
        return self.members[0].base

    # ---- what members do ----

    async def fill(self) -> Figure:
        asks = [
            self.members[one % len(self.members)].says(f"{TEXT} ({one})")
            for one in range(self.size.posts)
        ]
        return await measure(self.session, self.process, "posting, to fill the server", asks)

    async def read(self, what: str, path: str) -> Figure:
        asks = [self.members[one % len(self.members)].asks(path) for one in range(self.size.times)]
        return await measure(self.session, self.process, what, asks)

    async def members_ask(self) -> list[Figure]:
        me = self.members[0]
        newest = await me.call(self.session, me.asks("/api/v1/timelines/home?limit=40"))
        one = f"/api/v1/statuses/{newest[0]['id']}"
        return [
            await self.read("/health, the yardstick", "/health"),
            await self.read(f"home timeline of {len(newest)}", "/api/v1/timelines/home?limit=40"),
            await self.read("one status", one),
            await self.read("its thread", f"{one}/context"),
            await self.read("notifications", "/api/v1/notifications"),
            await measure(
                self.session,
                self.process,
                f"posting, {len(self.members)} home timelines",
                [me.says(f"{TEXT} ({one})") for one in range(self.size.times)],
            ),
        ]

    # ---- what servers do ----

    async def befriend(self) -> None:
        """The first member and the neighbours follow each other."""
        me = self.members[0]
        for stranger in self.strangers:
            handle = f"@{stranger.name}@{stranger.at.host}"
            found = await me.call(
                self.session, me.asks(f"/api/v2/search?q={handle}&resolve=true&type=accounts")
            )
            number = found["accounts"][0]["id"]
            await me.call(self.session, me.posts(f"/api/v1/accounts/{number}/follow"))
            about_me = await me.call(self.session, me.asks("/api/v1/accounts/verify_credentials"))
            uri = f"{self.base}/actors/{about_me['id']}"
            follow = letter(stranger, self.base, stranger.says("Follow", uri))
            await measure(self.session, self.process, "follow", [follow])
        await until(self._followed)

    async def _followed(self) -> bool:
        me = self.members[0]
        found = await me.call(self.session, me.asks(f"/api/v1/accounts/{me.id}"))
        return int(found["followers_count"]) >= len(self.members) - 1 + len(self.strangers)

    async def receive(self) -> list[Figure]:
        """Notes of a neighbour: taken in, and seen in a home timeline."""
        stranger, me = self.strangers[0], self.members[0]
        found = await me.call(
            self.session,
            me.asks(f"/api/v2/search?q=@{stranger.name}@{stranger.at.host}&type=accounts"),
        )
        number, times = found["accounts"][0]["id"], self.size.times
        notes = [stranger.note(f"<p>{TEXT}</p>") for _ in range(times)]
        letters = [letter(stranger, self.base, stranger.says("Create", one)) for one in notes]

        async def seen() -> bool:
            account = await me.call(self.session, me.asks(f"/api/v1/accounts/{number}"))
            return int(account["statuses_count"]) >= times

        cpu, began = self.process.cpu(), time.perf_counter()
        taken = await measure(self.session, self.process, "signed POST to the inbox", letters)
        await until(seen)
        seconds = time.perf_counter() - began
        visible = Figure("note, until it is visible", times, seconds, self.process.cpu() - cpu)
        return [taken, visible]

    async def fan_out(self) -> Figure:
        """Posts of one member, until every neighbour has them all."""
        posts = max(1, self.size.times // 20)
        before = sum(len(one.at.letters) for one in self.strangers)
        due = posts * len(self.strangers)

        async def arrived() -> bool:
            return sum(len(one.at.letters) for one in self.strangers) - before >= due

        asks = [self.members[0].says(f"{TEXT} ({one})") for one in range(posts)]
        cpu, began = self.process.cpu(), time.perf_counter()
        await measure(self.session, self.process, "posting", asks)
        await until(arrived)
        seconds = time.perf_counter() - began
        what = f"letter, {posts} posts to {len(self.strangers)} servers"
        return Figure(what, due, seconds, self.process.cpu() - cpu)


async def until(done: Callable[[], Awaitable[bool]]) -> None:
    """Raises TimeoutError."""
    async with asyncio.timeout(PATIENCE):
        while not await done():
            await asyncio.sleep(0.05)


def show(figures: list[Figure]) -> None:
    """A table; the last column tells how many times the yardstick's CPU time it takes."""
    yard = next(one.micros for one in figures if "yardstick" in one.what)
    print(f"{'':34}{'n':>7}{'per s':>8}{'CPU µs':>8}{'p50 ms':>8}{'p99 ms':>8}{'ratio':>7}")
    for one in figures:
        waits = f"{one.wait(0.5):8.1f}{one.wait(0.99):8.1f}" if one.waits else " " * 16
        ratio = one.micros / yard if yard else 0.0
        print(
            f"{one.what:34}{one.times:7}{one.rate:8.0f}{one.micros:8.0f}{waits}{ratio:7.1f}",
            flush=True,
        )


async def bench(size: Size, folder: Path) -> None:
    port = free_port()
    members = await move_in(folder, port, size.members)
    with running(folder, port, logs=DEVNULL) as server:
        process = Process(server.process.pid)
        empty = process.memory()
        connector = TCPConnector(limit=0)
        async with neighbours(size.servers) as strangers, ClientSession(connector=connector) as on:
            work = Bench(on, process, members, strangers, size)
            figures = [await work.fill(), *await work.members_ask()]
            await work.befriend()
            figures += [*await work.receive(), await work.fan_out()]
            show(figures)
        print(
            f"memory: {empty:.0f} MB at the start, {process.memory():.0f} MB now, "
            f"{process.memory('VmHWM'):.0f} MB at most"
        )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--members", type=int, default=50, help="who all follow each other")
    parser.add_argument("--posts", type=int, default=20_000, help="what is there already")
    parser.add_argument("--times", type=int, default=1_000, help="how often each thing is done")
    parser.add_argument("--servers", type=int, default=30, help="neighbours for the fan-out")
    parser.add_argument("--storage", action="store_true", help="and storage by itself, after it")
    chosen = parser.parse_args()
    with TemporaryDirectory(prefix="kith-bench-") as folder:
        size = Size(chosen.members, chosen.posts, chosen.times, chosen.servers)
        asyncio.run(bench(size, Path(folder)))
    if chosen.storage:
        asyncio.run(storage.main())


if __name__ == "__main__":
    main()
