"""`python -m tests.benchmarks.leaving`: somebody who wrote much leaves; how long do others wait?"""

import argparse
import asyncio
import sqlite3
import time
from contextlib import closing
from pathlib import Path
from subprocess import DEVNULL
from tempfile import TemporaryDirectory

from aiohttp import ClientSession

from tests.benchmarks.load import Figure, Process, measure
from tests.benchmarks.table import show
from tests.benchmarks.village import Member, move_in
from tests.benchmarks.work import TEXT
from tests.support.browsing import Visitor
from tests.support.process import PASSWORD, Running, free_port, running

SLICE = 100  # requests between two looks at what is left


def leave(server: Running) -> None:
    """Leave by the page, as anybody would."""
    visitor = Visitor(server.base)
    visitor.open("/login")
    visitor.send(login="member0", password=PASSWORD)
    visitor.open("/settings/leaving")
    answer = visitor.send(name="member0", password=PASSWORD)
    if answer.status_code != 200:
        raise RuntimeError(f"{answer.status_code}: {answer.text[:200]}")


def left(file: Path, author: str) -> int:
    """Number of posts of theirs that are in the file still."""
    with closing(sqlite3.connect(f"file:{file}?mode=ro", uri=True)) as reader:
        (count,) = reader.execute(
            "SELECT count(*) FROM posts WHERE author = ?", [author]
        ).fetchone()
    return int(count)


async def bench(folder: Path, members: int, posts: int) -> None:
    port = free_port()
    people = await move_in(folder, port, members)
    with running(folder, port, logs=DEVNULL) as server:
        process = Process(server.process.pid)
        async with ClientSession() as session:
            goes, stays = people[0], people[1]
            said = [goes.says(f"{TEXT} ({one})") for one in range(posts)]
            filled = await measure(session, process, "posting", said)
            yard = await read(session, process, stays, "/health, the yardstick", "/health")
            quiet = await read(session, process, stays, "home, before")
            began = time.perf_counter()
            leaving = asyncio.to_thread(leave, server)
            file = folder / "kith.sqlite3"
            while_, _ = await asyncio.gather(
                until_gone(session, process, stays, goes, file), leaving
            )
            seconds = time.perf_counter() - began
            after = await read(session, process, stays, "home, after")
        show([filled, yard, quiet, while_, after])
        most = process.memory("VmHWM")
        print(f"{posts} posts were gone after {seconds:.1f} s; {most:.0f} MB at most")


async def read(
    session: ClientSession,
    process: Process,
    member: Member,
    what: str,
    path: str = "/api/v1/timelines/home?limit=40",
) -> Figure:
    return await measure(session, process, what, [member.asks(path)] * SLICE * 5)


async def until_gone(
    session: ClientSession, process: Process, stays: Member, goes: Member, file: Path
) -> Figure:
    """Read home timelines again and again while the posts go."""
    parts: list[Figure] = []
    asks = [stays.asks("/api/v1/timelines/home?limit=40")] * SLICE
    while not parts or (await asyncio.to_thread(left, file, goes.id)) > 0:
        parts.append(await measure(session, process, "", asks))
    return Figure(
        "home, while the posts go",
        sum(one.times for one in parts),
        sum(one.seconds for one in parts),
        sum(one.cpu for one in parts),
        tuple(wait for one in parts for wait in one.waits),
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.leaving", description=__doc__)
    parser.add_argument("--members", type=int, default=10)
    parser.add_argument("--posts", type=int, default=20_000)
    chosen = parser.parse_args()
    with TemporaryDirectory(prefix="kith-bench-") as folder:
        asyncio.run(bench(Path(folder), chosen.members, chosen.posts))


if __name__ == "__main__":
    main()
