"""Looks an instance over: files, disk, clock, database, queues, settings."""

import asyncio
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from server.backup import DATABASE_FILE
from server.settings import Settings
from storage import deliveries, hosts, received
from storage.database import Database
from storage.examination import examine as examine_file
from storage.units import Reader

FREE = 0.05  # of the disk
WAL = 64 * 1024 * 1024
OLDEST = timedelta(days=1)
EPOCH = datetime.fromisoformat("2026-01-01T00:00:00+00:00")


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at, and what there is to say about it."""

    what: str
    good: bool
    says: str


async def examine(database: Database, settings: Settings, now: datetime) -> list[Finding]:
    files = await asyncio.to_thread(lambda: [*_files(settings), *_clock(now)])
    return [*files, *await database.read(_queues), *_settings(settings)]


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


def _clock(now: datetime) -> Iterator[Finding]:
    says = f"{now:%d %B %Y, %H:%M} UTC"
    yield Finding("clock", now > EPOCH, says if now > EPOCH else f"{says}: that cannot be")


def _queues(reader: Reader) -> list[Finding]:
    depth, heard = deliveries.depth(reader), received.depth(reader)
    late = depth.oldest is not None and reader.now - depth.oldest > OLDEST
    waits = f"{depth.due} letters wait" + (f", since {depth.oldest:%d %B}" if late else "")
    troubled = hosts.troubled(reader)
    names = ", ".join(host.host for host in troubled[:5])
    silent = f"{len(troubled)} servers do not answer: {names}" if troubled else "all answer"
    return [
        Finding("letters to others", True, waits),
        Finding("letters given up", not depth.parked, f"{depth.parked} (see `kith queue list`)"),
        Finding("letters from others", not heard.get("parked"), f"{heard.get('due', 0)} wait"),
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
