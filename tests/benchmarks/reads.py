"""What is asked for in a bench, by nobody, by members and by other servers: (what, the request)."""

from dataclasses import replace

from aiohttp import ClientSession

from tests.benchmarks.load import Ask
from tests.benchmarks.village import Member, signed
from tests.federation.world import ACTIVITY, Stranger

Named = tuple[str, Ask]


def routes(me: Member) -> list[Named]:
    """What needs few questions to the database, or none."""
    webfinger = f"/.well-known/webfinger?resource=acct:{me.name}@{me.host}"
    return [
        ("oauth-authorization-server", _open(me, "/.well-known/oauth-authorization-server")),
        ("/health", _open(me, "/health")),
        ("instance, v1", _open(me, "/api/v1/instance")),
        ("instance, v2", _open(me, "/api/v2/instance")),
        ("nodeinfo", _open(me, "/nodeinfo/2.1")),
        ("webfinger", _open(me, webfinger)),
        ("markers", me.asks("/api/v1/markers?timeline[]=home&timeline[]=notifications")),
    ]


async def documents(session: ClientSession, me: Member, stranger: Stranger) -> list[Named]:
    """Documents for other servers: as anybody may have them, and signed."""
    newest = await me.call(session, me.asks(f"/api/v1/accounts/{me.id}/statuses?limit=1"))
    outbox = _document(f"{me.uri}/outbox")
    page = str((await me.call(session, outbox))["first"])
    urls = {"actor": me.uri, "post": str(newest[0]["uri"]), "collection": page}
    return [
        *((f"document: {what}", _document(url)) for what, url in urls.items()),
        *((f"document: {what}, signed", signed(stranger, url)) for what, url in urls.items()),
    ]


async def lists(session: ClientSession, me: Member) -> list[Named]:
    """Lists for members; the names say how many there are."""
    asked = {
        "home timeline": "/api/v1/timelines/home?limit=40",
        "public timeline": "/api/v1/timelines/public?limit=20",
        "an account's posts": f"/api/v1/accounts/{me.id}/statuses?limit=20",
        "notifications": "/api/v1/notifications?limit=40",
    }
    found = {what: await me.call(session, me.asks(path)) for what, path in asked.items()}
    one = f"/api/v1/statuses/{found['home timeline'][0]['id']}"
    return [
        *((f"{what}, {len(found[what])}", me.asks(path)) for what, path in asked.items()),
        ("one status", me.asks(one)),
        ("its thread", me.asks(f"{one}/context")),
    ]


def _open(me: Member, path: str) -> Ask:
    return replace(me.asks(path), headers={})


def _document(url: str) -> Ask:
    return Ask("GET", url, {"Accept": ACTIVITY})
