"""Looks an instance over: files, disk, clock, database, queues, settings."""

import asyncio
import shutil
import socket
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from errno import EADDRINUSE
from pathlib import Path

from aiohttp.abc import AbstractResolver

from federation.errors import FederationError
from federation.resolve import webfinger
from federation.transport.http_client import HttpClient
from federation.vocabulary import json_documents
from federation.vocabulary.reading import beside
from server import VERSION
from server.operations.backup import DATABASE_FILE
from server.settings.settings import Settings
from server.settings.types import Listen
from storage.engine.database import Database
from storage.engine.transaction import Reader
from storage.lifecycle.integrity import examine as examine_file
from storage.queues import deliveries, hosts, inbox, jobs

FREE = 0.05  # of the disk
WAL = 64 * 1024 * 1024
OLDEST = timedelta(days=1)
EPOCH = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
WRONG_BY = timedelta(minutes=5)
OUTSIDE = "from outside"


@dataclass(frozen=True, slots=True)
class Finding:
    """Finding about one thing, and what there is to say about it."""

    what: str
    good: bool
    says: str


async def examine(
    database: Database, settings: Settings, now: datetime, resolver: AbstractResolver | None = None
) -> list[Finding]:
    """Examine everything; from outside only where somebody could come from there."""
    files = await asyncio.to_thread(lambda: [*_files(settings), _clock(settings, now)])
    queues = await database.read(_queues)
    runs = _runs(settings.listen)
    says = f"answers at {settings.listen}" if runs else "is not running"
    found = [*files, *queues, *_settings(settings), Finding("server", True, says)]
    if settings.development:
        return [*found, Finding(OUTSIDE, True, "not looked at, in development")]
    if not runs:
        return [*found, Finding(OUTSIDE, True, "not looked at, since the server is not running")]
    async with _visitor(settings, resolver) as http_client:
        return [*found, await reach(http_client, settings)]


def _runs(listen: Listen) -> bool:
    """Whether somebody listens there already."""
    if listen.path is not None:
        return listen.path.is_socket()
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((listen.host, listen.port))
        except OSError as error:
            return error.errno == EADDRINUSE
    return False


def _visitor(settings: Settings, resolver: AbstractResolver | None) -> HttpClient:
    """A door like the server's own, but for this: it may go to the server itself."""
    return HttpClient(
        user_agent=f"Kith/{VERSION} (doctor)",
        own_authority="doctor.invalid",
        development=settings.development,
        resolver=resolver,
        allow_loopback=settings.development,
    )


async def reach(http_client: HttpClient, settings: Settings) -> Finding:
    """Look for ourselves as another server would: WebFinger at the domain, then our address."""
    domain, origin = settings.domain, settings.web_origin
    address = webfinger.address(settings.scheme, domain, f"acct:{domain}@{domain}")
    try:
        body = (await http_client.jrd(address)).body
        actor = webfinger.actor_in(await beside(len(body), json_documents.read, body))
        health = await http_client.get(f"{origin}/health", accept="text/plain")
    except FederationError as error:
        return Finding(OUTSIDE, False, f"nobody finds us: {error}")
    if not actor.startswith(f"{origin}/"):
        return Finding(OUTSIDE, False, f"{domain} leads to {actor}, and that is not ours")
    if health.status != 200:
        return Finding(OUTSIDE, False, f"{origin}/health answers {health.status}")
    return Finding(OUTSIDE, True, f"others find us at {origin}")


def _files(settings: Settings) -> Iterator[Finding]:
    folder, file = settings.data_dir, settings.data_dir / DATABASE_FILE
    for path in (folder, file, folder / "kith.toml", folder / "secret"):
        if path.exists():
            yield _private(path)
    usage = shutil.disk_usage(folder)
    free = usage.free / usage.total
    yield Finding("disk", free > FREE, f"{free:.0%} free ({usage.free >> 20} MB)")
    wal = file.with_name(f"{file.name}-wal")
    size = wal.stat().st_size if wal.exists() else 0
    yield Finding("write-ahead log", size <= WAL, f"{size >> 10} kB")
    found = examine_file(file)
    says = found.problems[0] if found.problems else f"sound, schema version {found.version}"
    yield Finding("database", not found.problems, says)


def _private(path: Path) -> Finding:
    open_to_others = stat.S_IMODE(path.stat().st_mode) & 0o007
    advice = "everybody on this machine can read it: chmod o-rwx" if open_to_others else "private"
    return Finding(f"permissions of {path.name}", not open_to_others, advice)


def _clock(settings: Settings, now: datetime) -> Finding:
    """Ensure a time after this program was written, and after the database's last change."""
    says, file = f"{now:%d %B %Y, %H:%M} UTC", settings.data_dir / DATABASE_FILE
    written = datetime.fromtimestamp(file.stat().st_mtime, UTC)
    if now < EPOCH or now < written - WRONG_BY:
        return Finding("clock", False, f"{says}: that cannot be, since files here are newer")
    return Finding("clock", True, says)


def _queues(reader: Reader) -> list[Finding]:
    depth, heard = deliveries.depth(reader), inbox.depth(reader)
    late = depth.oldest is not None and reader.now - depth.oldest > OLDEST
    waits = f"{depth.due} deliveries wait" + (f", since {depth.oldest:%d %B}" if late else "")
    work = jobs.list_parked(reader)
    troubled = hosts.list_troubled(reader)
    names = ", ".join(host.host for host in troubled[:5])
    silent = f"{len(troubled)} servers do not answer: {names}" if troubled else "all answer"
    return [
        Finding("deliveries to others", True, waits),
        Finding("deliveries given up", not depth.parked, f"{depth.parked} (see `kith queue list`)"),
        Finding("work given up", not work, f"{len(work)} (see `kith queue list`)"),
        Finding("activities from others", not heard.get("parked"), f"{heard.get('due', 0)} wait"),
        Finding("other servers", True, silent),
    ]


def _settings(settings: Settings) -> Iterator[Finding]:
    if settings.development:
        yield Finding("mode", True, "development: plain http, for trials on one machine only")
    else:
        yield Finding("mode", True, f"production, at {settings.web_origin}")
        reachable = bool(settings.contact_email)
        says = settings.contact_email or "nobody can write to you: set contact_email"
        yield Finding("contact", reachable, says)
