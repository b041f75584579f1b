"""A process that writes until it is killed: `python -m tests.support.scribe DATABASE ROUND`.

It prints a line for each unit that was acknowledged. Each unit keeps two activities: the whole and
its half.
"""

import asyncio
import os
import sys
from itertools import count
from pathlib import Path

from storage.engine.database import Database, open_database
from storage.engine.site import Site
from storage.engine.transaction import Writer
from storage.queues import inbox
from storage.queues.inbox import Received

WRITERS = 16


def keep_both(writer: Writer, name: str) -> None:
    for uri in (name, f"{name}#half"):
        known = Received(0, uri, "u:actor", "u:actor", "away.example", "Like", "authentic", "{}")
        if not inbox.keep(writer, known):
            raise ValueError(f"{uri} was there before")


async def write_on(database: Database, name: str) -> None:
    for number in count():
        await database.write(keep_both, f"{name}/{number}")
        os.write(1, f"{name}/{number}\n".encode())


async def main(path: str, name: str) -> None:
    site = Site("home.example", "home.example")
    async with open_database(Path(path), site) as database, asyncio.TaskGroup() as group:
        for writer in range(WRITERS):
            group.create_task(write_on(database, f"u:{name}/{writer}"))


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
