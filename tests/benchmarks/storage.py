"""`python -m tests.benchmarks.storage`: what storage costs by itself, without a server around it.

Ratios within one run count: the figures themselves belong to the machine.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter, process_time

from storage.engine import instance
from storage.engine.database import Database, open_database
from storage.engine.ids import ActorId
from storage.engine.pagination import Page
from storage.engine.site import Site
from storage.engine.transaction import Reader, Writer
from storage.posts import visible_posts
from storage.posts.posts import Post
from storage.posts.visibility import Member
from storage.reading import timelines
from tests.storage import cast

WRITES = 3000
WAITING = 64
LINES = 800
OWNERS = 2000
READS = 300


def say(what: str, times: int, wall: float, cpu: float) -> float:
    """Print what each took, in µs; return the wall time of one, in µs."""
    each, busy = wall / times * 1e6, cpu / times * 1e6
    print(f"{what:<46}{each:>10.1f} µs wall {busy:>10.1f} µs CPU {1e6 / each:>10.0f}/s")
    return each


async def timed(what: str, times: int, work: Callable[[], Awaitable[object]]) -> float:
    wall, cpu = perf_counter(), process_time()
    await work()
    return say(what, times, perf_counter() - wall, process_time() - cpu)


async def write_alone(database: Database) -> None:
    for number in range(WRITES // 10):
        await database.write(instance.put, f"alone {number}", "x")


async def write_together(database: Database) -> None:
    async def one(name: int) -> None:
        for number in range(WRITES // WAITING):
            await database.write(instance.put, f"together {name} {number}", "x")

    await asyncio.gather(*(one(name) for name in range(WAITING)))


def move_in(writer: Writer) -> tuple[ActorId, list[ActorId], list[Post]]:
    """Alice, many others, and a full home list of posts by fifty of them."""
    alice, *others = (cast.account(writer, f"person{number}") for number in range(OWNERS))
    said = [cast.post(writer, others[number % 50]) for number in range(LINES)]
    for author in others[:50]:
        cast.follow(writer, alice, author)
    for post in said:
        timelines.fan_out(writer, [alice], post.id, post.id, None)
    return alice, others, said


def read_home(reader: Reader, owner: ActorId) -> int:
    return len(timelines.home(reader, owner, Page(40)))


def read_home_with_figures(reader: Reader, owner: ActorId) -> int:
    lines = timelines.home(reader, owner, Page(40))
    return len(visible_posts.status_rows(reader, Member(owner), [line.post for line in lines]))


async def read_often(database: Database, unit: Callable[[Reader, ActorId], int], who: int) -> None:
    for _ in range(READS):
        assert await database.read(unit, ActorId(who)) == 40


async def in_one_hop(database: Database, who: ActorId) -> None:
    def often(reader: Reader) -> None:
        for _ in range(READS):
            read_home(reader, who)

    await database.read(often)


async def fan_out(database: Database, owners: list[ActorId], said: list[Post]) -> None:
    for post in said[:20]:
        await database.write(timelines.fan_out, owners, post.id, post.id, None)


async def measure(database: Database) -> None:
    alone = await timed("a write by itself, awaited", WRITES // 10, lambda: write_alone(database))
    grouped = await timed(
        f"a write among {WAITING} that wait", WRITES, lambda: write_together(database)
    )
    print(f"{'':<46}grouped is {alone / grouped:.1f} times faster")
    alice, others, said = await database.write(move_in)
    home = await timed(
        "40 lines of home, a hop each", READS, lambda: read_often(database, read_home, alice)
    )
    await timed(
        "the same with figures",
        READS,
        lambda: read_often(database, read_home_with_figures, alice),
    )
    inside = await timed(
        "40 lines of home, within one hop", READS, lambda: in_one_hop(database, alice)
    )
    print(f"{'':<46}a hop and its snapshot cost {home - inside:.0f} µs")
    lines = len(others) * 20
    await timed("a line of fan-out", lines, lambda: fan_out(database, others, said))


async def main() -> None:
    site = Site("home.example", "home.example")
    with TemporaryDirectory() as folder:
        async with open_database(Path(folder) / "db", site) as database:
            await measure(database)


if __name__ == "__main__":
    asyncio.run(main())
