"""`python -m tests.benchmarks.soak 600`: mixed load for so many seconds, and what memory does.

Members read, post, favourite and upload; a neighbour writes to the inbox; posts go out to all
neighbours. A line every 15 seconds; at the end, memory now and two minutes after the beginning.
"""

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from itertools import count
from pathlib import Path
from subprocess import DEVNULL
from tempfile import TemporaryDirectory

from aiohttp import ClientSession, TCPConnector

from tests.benchmarks.lag import noisy, upload
from tests.benchmarks.load import Process
from tests.benchmarks.village import Member, move_in, neighbours, signed_post
from tests.benchmarks.work import TEXT, Bench, Size
from tests.support.process import free_port, running

MEMBERS, SERVERS = 10, 5
LINE = 15.0
SETTLED = 120.0
READS = (
    "/api/v1/timelines/home?limit=40",
    "/api/v1/timelines/public?limit=20",
    "/api/v1/notifications",
    "/api/v1/accounts/verify_credentials",
    "/api/v2/search?q=apples&type=statuses",
    "/api/v1/timelines/tag/garden",
)


class Soak:
    """Kinds of load, each by a task that goes on until the time is over."""

    def __init__(self, bench: Bench, seconds: float) -> None:
        self._bench = bench
        self._until = time.perf_counter() + seconds
        self._number = count()
        self._newest = ""
        self._picture = noisy(300)
        self.done: Counter[str] = Counter()

    async def run(self) -> None:
        kinds = (self._read, self._read, self._read, self._open, self._post, self._like)
        slow = (self._receive, self._upload)
        async with asyncio.TaskGroup() as group:
            for one in kinds:
                group.create_task(self._again(one, 0.01))
            for one in slow:
                group.create_task(self._again(one, 0.2))

    async def _again(self, work: Callable[[int, Member], Awaitable[None]], pause: float) -> None:
        while time.perf_counter() < self._until:
            number = next(self._number)
            await work(number, self._bench.members[number % len(self._bench.members)])
            self.done[work.__name__.strip("_")] += 1
            await asyncio.sleep(pause)

    async def _get(self, path: str, headers: dict[str, str]) -> None:
        async with self._bench.session.get(self._bench.me.base + path, headers=headers) as answer:
            await answer.read()

    async def _read(self, number: int, member: Member) -> None:
        await self._get(READS[number % len(READS)], member.headers)

    async def _open(self, number: int, _: Member) -> None:
        """Pages, as anybody sees them, and addresses that there are not."""
        paths = ("/", "/@member0", "/tags/garden", f"/nowhere/{number}", f"/@member0/{number}")
        await self._get(paths[number % len(paths)], {"Accept": "text/html"})

    async def _post(self, number: int, member: Member) -> None:
        ask = member.says(f"{TEXT} #tag{number % 500} ({number})")
        self._newest = (await member.call(self._bench.session, ask))["id"]
        await asyncio.sleep(0.1)

    async def _like(self, _: int, member: Member) -> None:
        if self._newest:
            path = f"/api/v1/statuses/{self._newest}/favourite"
            await member.call(self._bench.session, member.posts(path))

    async def _receive(self, number: int, _: Member) -> None:
        stranger = self._bench.strangers[number % len(self._bench.strangers)]
        note = stranger.note(f"<p>{TEXT} {number}</p>")
        ask = signed_post(stranger, self._bench.me.base, stranger.says("Create", note))
        async with self._bench.session.post(ask.url, headers=ask.headers, data=ask.body) as answer:
            await answer.read()
        for one in self._bench.strangers:
            one.at.asked.clear()

    async def _upload(self, number: int, member: Member) -> None:
        if number % 5 == 0:
            await upload(self._bench.session, member, self._picture)


async def watch(process: Process, soak: Soak) -> None:
    """A line each time; at the end, how much more it is than when it had settled."""
    begun, settled, before = time.perf_counter(), 0.0, 0
    try:
        while True:
            await asyncio.sleep(LINE)
            seconds, now = time.perf_counter() - begun, soak.done.total()
            memory = process.memory()
            settled = settled or (memory if seconds >= SETTLED else 0.0)
            rate, before = (now - before) / LINE, now
            print(f"{seconds:6.0f} s {memory:7.1f} MB {rate:6.0f}/s", flush=True)
    finally:
        memory = process.memory()
        print(f"\nmemory: {memory:.1f} MB now, {settled:.1f} MB after {SETTLED:.0f} s")
        print(", ".join(f"{what} {number}" for what, number in soak.done.most_common()))


async def main(seconds: float) -> None:
    with TemporaryDirectory(prefix="kith-soak-") as name:
        folder, port = Path(name), free_port()
        members = await move_in(folder, port, MEMBERS)
        with running(folder, port, logs=DEVNULL) as server:
            process = Process(server.process.pid)
            connector = TCPConnector(limit=0)
            async with neighbours(SERVERS) as near, ClientSession(connector=connector) as session:
                bench = Bench(session, process, members, near, Size(MEMBERS, 0, 1, SERVERS, 1))
                await bench.befriend()
                soak = Soak(bench, seconds)
                watching = asyncio.create_task(watch(process, soak))
                try:
                    await soak.run()
                finally:
                    watching.cancel()
                    await asyncio.gather(watching, return_exceptions=True)


if __name__ == "__main__":
    asyncio.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 600.0))
