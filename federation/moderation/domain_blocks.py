"""Blocks of whole servers: to have nothing to do with one any more, and to listen again.

Who is blocked hears nothing of it: no delivery goes there.
"""

from storage.engine.database import Database
from storage.engine.transaction import Reader
from storage.moderation import domain_blocks
from storage.queues import hosts
from storage.queues.hosts import Host, Tier


async def put(database: Database, name: str, tier: Tier | None) -> int:
    """Set a server's tier, with all beneath it. Return how many known accounts it concerns."""
    await database.write(hosts.set_tier, name, tier)
    return await _settle(database, name)


async def settle(database: Database) -> bool:
    """Finish what was cut off half way; return whether there was anything."""
    waiting = await database.read(hosts.list_unsettled)
    for name in waiting:
        await _settle(database, name)
    return bool(waiting)


async def _settle(database: Database, name: str) -> int:
    """Set its actors to its tier, a slice in each unit, so that nobody waits long meanwhile."""
    times = (await database.read(hosts.list_unsettled)).get(name, 0)
    concerned = 0
    for part in await database.read(domain_blocks.parts):
        if not part.is_within(name):
            continue
        after = 0
        while slice_ := await database.write_always(domain_blocks.settle, part, after):
            concerned, after = concerned + len(slice_), slice_[-1]
    await database.write_always(hosts.record_settled, name, times)
    return concerned


def list_with_tier(reader: Reader) -> list[tuple[Host, int]]:
    """Servers that have a tier, by name, each with how many known accounts it concerns."""
    parts = domain_blocks.parts(reader)
    return [
        (host, sum(part.actors for part in parts if part.is_within(host.host)))
        for host in hosts.list_with_tier(reader)
    ]
