"""`kith queue …`: emails that wait, what was given up, and servers that do not answer."""

from aiohttp import web

from federation.transport.urls import origin_of
from server.cli.control_socket import Answer, Arguments
from server.http.app_keys import DATABASE
from storage.engine.transaction import Reader, Writer
from storage.queues import deliveries, hosts, inbox, jobs

MOST_SHOWN = 100
MOST_LOOKED_AT = 100_000


async def list_queue(app: web.Application, given: Arguments) -> Answer:
    return await app[DATABASE].read(_list, given.get("host"))


def _list(reader: Reader, only: str | None) -> Answer:
    depth = deliveries.depth(reader)
    most = MOST_SHOWN if only is None else MOST_LOOKED_AT
    return {
        "waiting": depth.due,
        "oldest": depth.oldest.isoformat() if depth.oldest else None,
        "received": inbox.depth(reader),
        "parked": [
            {"inbox": one.inbox, "type": one.type, "attempts": one.attempts, "reason": one.reason}
            for one in deliveries.list_parked(reader, most)
            if only in (None, origin_of(one.inbox).authority)
        ],
        "work": [
            {"kind": one.kind, "subject": one.subject, "reason": one.reason}
            for one in (jobs.list_parked(reader, most) if only is None else ())
        ],
        "hosts": [
            {
                "host": host.host,
                "failures": host.failures,
                "days": host.failed_days,
                "next": host.open_at.isoformat(),
                "reason": host.last_error,
            }
            for host in hosts.list_troubled(reader)
            if only in (None, host.host)
        ],
    }


async def retry(app: web.Application, given: Arguments) -> Answer:
    """Emails of one host; or all emails, and all other work that was given up."""
    return {"tried_again": await app[DATABASE].write(_again, given.get("host"))}


def _again(writer: Writer, host: str | None) -> int:
    again = deliveries.again(writer, host)
    return again if host is not None else again + jobs.again(writer)


async def drop(app: web.Application, given: Arguments) -> Answer:
    return {"dropped": await app[DATABASE].write(deliveries.forget, given.get("host"))}


COMMANDS = {"queue list": list_queue, "queue retry": retry, "queue drop": drop}
