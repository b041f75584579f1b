"""`kith queue …`: letters that wait, that were given up, and servers that do not answer."""

from collections.abc import Mapping
from typing import Any

from aiohttp import web

from server.keys import DATABASE
from storage import deliveries, hosts, received
from storage.units import Reader

Arguments = Mapping[str, Any]


async def listed(app: web.Application, given: Arguments) -> dict[str, Any]:
    return await app[DATABASE].read(_listed)


def _listed(reader: Reader) -> dict[str, Any]:
    depth = deliveries.depth(reader)
    return {
        "waiting": depth.due,
        "oldest": depth.oldest.isoformat() if depth.oldest else None,
        "received": received.depth(reader),
        "parked": [
            {"inbox": one.inbox, "type": one.type, "attempts": one.attempts, "reason": one.reason}
            for one in deliveries.parked(reader)
        ],
        "hosts": [
            {
                "host": host.host,
                "failures": host.failures,
                "days": host.failed_days,
                "next": host.open_at.isoformat(),
                "reason": host.last_error,
            }
            for host in hosts.troubled(reader)
        ],
    }


async def retry(app: web.Application, given: Arguments) -> dict[str, Any]:
    return {"tried_again": await app[DATABASE].write(deliveries.again, given.get("host"))}


async def drop(app: web.Application, given: Arguments) -> dict[str, Any]:
    return {"dropped": await app[DATABASE].write(deliveries.forget, given.get("host"))}


COMMANDS = {"queue list": listed, "queue retry": retry, "queue drop": drop}
