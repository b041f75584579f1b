import asyncio
import random
from time import perf_counter

from storage.engine import instance
from storage.engine.database import Database
from storage.engine.transaction import Reader, Writer

WRITERS, READERS, TURNS = 50, 200, 10
PURSES, COINS = 20, 100


def fill(writer: Writer) -> None:
    for purse in range(PURSES):
        instance.put(writer, f"purse {purse}", str(COINS))


def move(writer: Writer, giver: int, taker: int, mine: str) -> int:
    """Move a coin, and count the move."""
    for purse, change in ((giver, -1), (taker, 1)):
        held = int(instance.get(writer, f"purse {purse}") or 0)
        instance.put(writer, f"purse {purse}", str(held + change))
    count = int(instance.get(writer, mine) or 0) + 1
    instance.put(writer, mine, str(count))
    return count


def total(reader: Reader) -> int:
    rows = reader.rows("SELECT value FROM instance WHERE key LIKE 'purse %'")
    return sum(int(value) for (value,) in rows)


async def write_turns(database: Database, number: int, waits: list[float]) -> list[int]:
    chance, counts = random.Random(number), []
    for _ in range(TURNS):
        giver, taker = chance.sample(range(PURSES), 2)
        start = perf_counter()
        counts.append(await database.write(move, giver, taker, f"moves {number}"))
        waits.append(perf_counter() - start)
    return counts


async def read_turns(database: Database) -> set[int]:
    return {await database.read(total) for _ in range(TURNS)}


async def test_simultaneous_writes_and_reads_get_every_value_right(database: Database) -> None:
    await database.write(fill)
    waits: list[float] = []
    writing = [write_turns(database, number, waits) for number in range(WRITERS)]
    reading = [read_turns(database) for _ in range(READERS)]
    counts, seen = await asyncio.gather(asyncio.gather(*writing), asyncio.gather(*reading))
    assert counts == [list(range(1, TURNS + 1))] * WRITERS
    assert set().union(*seen) == {PURSES * COINS}
    moves = await database.read(
        lambda r: r.value("SELECT sum(value) FROM instance WHERE key LIKE 'moves %'")
    )
    assert moves == WRITERS * TURNS
    slow = sorted(waits)[int(len(waits) * 0.99)]
    print(f"{len(waits)} writes and {READERS * TURNS} reads, p99 of a write {slow * 1000:.1f} ms")
