"""`python -m tests.benchmarks`: start a server, fill it, and say what its work costs.

Each figure is the server's CPU time for one, beside R: its ratio to a bare handler that answers
seven bytes, measured in the same run. With `--storage`, what storage costs by itself comes after it
(`tests/benchmarks/storage.py`). `--quick` takes less than two minutes.
"""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import asdict, replace
from pathlib import Path
from subprocess import DEVNULL
from tempfile import TemporaryDirectory

from aiohttp import ClientSession, TCPConnector

from tests.benchmarks import storage, wrk
from tests.benchmarks.bare import yardstick
from tests.benchmarks.load import Ask, Figure, Process, measure
from tests.benchmarks.reads import documents, lists, routes
from tests.benchmarks.table import Table
from tests.benchmarks.village import move_in, neighbours
from tests.benchmarks.work import Bench, Size
from tests.support.process import free_port, running

FULL = Size(members=50, posts=20_000, times=1_000, servers=50, seconds=8)
QUICK = Size(members=10, posts=400, times=200, servers=10, seconds=2)
WARM = 20  # requests before those that count

BY_WRK = "GETs: wrk -t1 -c16, {seconds} s each. Everything else: a client in Python."
BY_PYTHON = """\
GETs: a client in Python, 8 at once, {times} each, since wrk is not used (apt install wrk). It wakes
the server for each request, which hides what that costs: compare with runs that say the same."""

Read = Callable[[Process, Ask], Awaitable[Figure]]


def reader(session: ClientSession, size: Size, by_wrk: bool) -> Read:
    """Way in which one thing is asked for again and again."""

    async def read(process: Process, ask: Ask) -> Figure:
        await measure(session, process, "", [ask] * WARM)
        if by_wrk:
            return await wrk.steady(process, ask, size.seconds)
        return await measure(session, process, "", [ask] * size.times)

    return read


async def measure_all(work: Bench, read: Read, table: Table, bare: tuple[Ask, Process]) -> None:
    size, me, session = work.size, work.me, work.session
    await table.row("a bare handler, seven bytes", lambda: read(bare[1], bare[0]))
    for together in (1, 8, 32):
        what = f"posting, {together} at once, {len(work.members)} homes"
        await table.row(what, lambda: work.post(size.times, together))  # noqa: B023
    asks = [*routes(me), *await documents(session, me, work.strangers[0])]
    for what, ask in [*asks, *await lists(session, me)]:
        await table.row(what, lambda: read(work.process, ask))  # noqa: B023
    await table.row("a follow by somebody new", lambda: work.be_followed(size.times // 2))
    await table.row("a note that mentions one", lambda: work.receive(size.times))
    posts = max(1, size.times // 20)
    what = f"a delivery, {posts} posts to {size.servers} servers"
    await table.row(what, lambda: work.fan_out(posts))
    await table.row("the bare handler again", lambda: read(bare[1], bare[0]))


async def bench(size: Size, folder: Path, by_wrk: bool) -> None:
    port, table = free_port(), Table()
    said = BY_WRK if by_wrk else BY_PYTHON
    print(said.format(**asdict(size)), flush=True)
    members = await table.step(f"{size.members} members", move_in(folder, port, size.members))
    async with AsyncExitStack() as stack:
        server = stack.enter_context(running(folder, port, logs=DEVNULL))
        url, bare = stack.enter_context(yardstick())
        strangers = await stack.enter_async_context(neighbours(size.servers))
        session = ClientSession(connector=TCPConnector(limit=0))
        await stack.enter_async_context(session)
        process = Process(server.process.pid)
        work = Bench(session, process, members, strangers, size)
        idle = process.memory()
        await table.step(f"{size.posts} posts", work.post(size.posts, 8))
        await table.step(f"{size.servers} neighbours", work.befriend())
        table.begin()
        read = reader(session, size, by_wrk)
        await measure_all(work, read, table, (Ask("GET", url), bare))
        print(
            f"memory: {idle:.0f} MB idle, {process.memory():.0f} MB now,"
            f" {process.memory('VmHWM'):.0f} MB at most"
        )
    print(f"database: {(folder / 'kith.sqlite3').stat().st_size / 1e6:.1f} MB")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="less of everything")
    parser.add_argument("--members", type=int, help="who all follow each other")
    parser.add_argument("--posts", type=int, help="what is there already")
    parser.add_argument("--times", type=int, help="how often each thing is done")
    parser.add_argument("--servers", type=int, help="neighbours for the fan-out")
    parser.add_argument("--seconds", type=int, help="how long wrk asks for one thing")
    parser.add_argument("--python", action="store_true", help="no wrk: a client in Python asks")
    parser.add_argument("--storage", action="store_true", help="and storage by itself, after it")
    chosen = vars(parser.parse_args())
    size = QUICK if chosen["quick"] else FULL
    given = {name: chosen[name] for name in asdict(size) if chosen[name] is not None}
    with TemporaryDirectory(prefix="kith-bench-") as folder:
        by_wrk = wrk.is_here() and not chosen["python"]
        asyncio.run(bench(replace(size, **given), Path(folder), by_wrk))
    if chosen["storage"]:
        asyncio.run(storage.main())


if __name__ == "__main__":
    main()
