"""Files that belong to an actor: taken in through the image worker, kept, found and served."""

import asyncio
import json
import logging
import math
import os
import re
import shutil
import signal
import stat
import sys
from collections.abc import AsyncIterator, Collection, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from errno import ENOTDIR
from pathlib import Path
from typing import Any, Literal

from aiohttp import web

from federation.errors import Busy
from federation.objects.attachment import is_blurhash
from federation.transport.places import Places
from federation.vocabulary import processes
from federation.vocabulary.processes import Child
from server.http.app_keys import DATABASE
from server.http.errors import SENTENCES, Refused, not_found
from server.http.guard import Route, shared_document
from server.http.parsing import join
from server.http.responses import answer
from storage.engine import ids
from storage.engine.database import Database
from storage.engine.transaction import Reader
from storage.media import attachments, emojis
from storage.posts import visible_posts
from storage.posts.visibility import Anonymous

log = logging.getLogger(__name__)

Purpose = Literal["avatar", "header", "attachment", "emoji", "still"]

# What the worker makes of a picture, in pixels; with `cover` false it would only be made smaller.
SHAPES: Mapping[Purpose, Mapping[str, Any]] = {
    "avatar": {"width": 400, "height": 400, "cover": True},
    "header": {"width": 1500, "height": 500, "cover": True},
    "attachment": {
        "width": 16_000,
        "height": 16_000,
        "cover": False,
        "area": 8_294_400,
        "moves": True,
    },
    "emoji": {"width": 256, "height": 256, "cover": False, "moves": True},
    "still": {"width": 256, "height": 256, "cover": False},
}
PREVIEW: Mapping[str, Any] = {"width": 1280, "height": 1280, "cover": False, "area": 230_400}
OF_PEOPLE = ("avatar", "header")
# How files begin: (place, bytes), all of them (SECURITY 59).
MAGIC: Mapping[str, tuple[tuple[int, bytes], ...]] = {
    "JPEG": ((0, b"\xff\xd8\xff"),),
    "PNG": ((0, b"\x89PNG\r\n\x1a\n"),),
    "GIF": ((0, b"GIF8"), (5, b"a")),
    "WEBP": ((0, b"RIFF"), (8, b"WEBP")),
    "AVIF": ((4, b"ftypavi"),),
}
KEPT = {
    "JPEG": ("jpg", "image/jpeg"),
    "PNG": ("png", "image/png"),
    "GIF": ("gif", "image/gif"),
    "WEBP": ("webp", "image/webp"),
}
"""What the worker writes: format → extension and type. Nothing else is stored or served."""
STILL = ("JPEG", "PNG")
_TYPES = dict(KEPT.values())
_NAME = re.compile(r"[0-9a-f]{32}\.(?:jpg|png|gif|webp)")

WORKER = (sys.executable, "-I", "-m", "server.media.worker")
# A second arena for malloc would reserve 64 MB of address space for each thread.
ENVIRONMENT = {"MALLOC_ARENA_MAX": "1"}
MOST_ANSWER = 32 * 1024 * 1024
MOST_COMPLAINT = 4096
MOST_HEAD = 4096  # of an answer: the line that says what the rest is
STRAY_AFTER = timedelta(hours=12)
PATIENCE = 20.0  # seconds that anybody waits for a worker, whatever keeps it

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "sandbox; default-src 'none'",
    "Access-Control-Allow-Origin": "*",
}
FOR_GOOD = "public, max-age=31536000, immutable"
FOR_A_DAY = "public, max-age=86400"

WRONG_TYPE = "We can take JPEG, PNG, GIF, WebP and AVIF pictures."
FULL = "Our disk is almost full, so we cannot take pictures right now. Nothing was changed."
TOO_SLOW = "We could not finish this picture in time. Nothing was changed; please try again later."
REASONS = {
    "pixels": "This picture has more than 40 million pixels, and we cannot take that many."
    " A smaller copy of it will do.",
    "frames": "This picture moves for more than 500 frames, and we cannot take that many.",
    "memory": "This picture takes more memory than we can give it. A smaller copy of it will do.",
    "time": "This picture takes more work than we can give it. A smaller copy of it will do.",
    "unreadable": "This picture could not be read: the file is damaged, or not what it begins as.",
}
OWN_TROUBLE = (SENTENCES[503], FULL)
"""Refusals that say nothing about the picture."""
# SIGKILL comes from a kernel that has no memory left.
_SIGNALS: Mapping[int, str] = {signal.SIGXCPU: "time", signal.SIGKILL: "memory"}


def address(origin: str) -> str:
    """The public folder; names in it are random (DECISIONS)."""
    return f"{origin}/media"


@dataclass(frozen=True, slots=True)
class Guard:
    """Limits of a picture: seconds to wait, of a processor, bytes; workers and who may queue.

    `least_free`: the part of the disk that uploads leave alone (RELIABILITY, disk full).
    """

    name: str = "images of members"
    patience: float = field(default_factory=lambda: PATIENCE)
    processor: int = 15
    memory: int = 1024 * 1024 * 1024
    at_once: int = 2
    waiting: int = 16
    least_free: float = 0.05


@dataclass(frozen=True, slots=True)
class Ingested:
    """A file that was taken in; no row names it yet. Bytes, pixels.

    An attachment has a smaller one beside it, `preview`, and its BlurHash.
    """

    file: str
    mime: str
    bytes: int
    width: int
    height: int
    preview: str | None = None
    blurhash: str | None = None

    @property
    def files(self) -> list[str]:
        return [name for name in (self.file, self.preview) if name]


@dataclass(frozen=True, slots=True)
class Remade:
    """A picture as the worker made it, with what was asked for beside it."""

    format: str
    width: int
    height: int
    data: bytes
    preview: "Remade | None" = None
    blurhash: str | None = None


class MediaFolder:
    """The folder of all files; `most_bytes` is how large an upload may be."""

    def __init__(self, root: Path, most_bytes: int, guard: Guard | None = None) -> None:
        root.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.root = root.resolve()
        self._most_bytes = most_bytes
        self._guard = guard or Guard()
        most = self._guard.at_once
        self.places = Places(self._guard.name, most, max(1, most // 2), waiting=self._guard.waiting)

    async def ingest(self, data: bytes, purpose: Purpose, *sources: str) -> Ingested:
        """Make a picture ours and keep it. Raises Refused with a sentence; then nothing is left.

        `sources`: in whose name the worker is busy, and for whom it lets others go first.
        """
        made = await self.remake(data, purpose, *sources)
        return await asyncio.to_thread(self._keep_all, made)

    async def remake(self, data: bytes, purpose: Purpose, *sources: str) -> Remade:
        """The picture as we would keep it. Raises Refused with a sentence."""
        if len(data) > self._most_bytes:
            raise Refused(413, _too_large(len(data), self._most_bytes))
        format_ = format_of(data)
        if format_ is None:
            raise Refused(422, WRONG_TYPE)
        await asyncio.to_thread(self._ensure_room)
        return await self._remade(data, format_, purpose, sources)

    def keep_as(self, stem: str, made: Remade) -> str:
        """Write it under a name that was chosen; one that is there already is replaced."""
        name = f"{stem}.{KEPT[made.format][0]}"
        self.remove(name)
        self._keep(name, made.data)
        return name

    def find(self, stem: str) -> str | None:
        """The name of a file that was kept under this stem."""
        names = (f"{stem}.{extension}" for extension in _TYPES)
        return next((name for name in names if self.path_of(name)), None)

    def path_of(self, name: str) -> Path | None:
        """Path of a file; None for names that are not ours, for links and for what is gone."""
        if not _NAME.fullmatch(name):
            return None
        path = self._place(name)
        return path if path.resolve() == path and path.is_file() else None

    def read(self, name: str) -> bytes | None:
        path = self.path_of(name)
        with suppress(OSError):  # taken away meanwhile
            return path.read_bytes() if path else None
        return None

    def remove(self, name: str) -> None:
        """Remove a file once its row's removal is committed; one that is gone is no mistake."""
        if path := self.path_of(name):
            path.unlink(missing_ok=True)

    def files(self) -> Iterator[Path]:
        """Files of the folder, and what a crash left of others."""
        found = self.root.glob("[0-9a-f][0-9a-f]/[0-9a-f][0-9a-f]/*")
        return (path for path in found if _last_written(path) < math.inf)

    def last_written_before(self, moment: datetime) -> list[Path]:
        """Files so old, and what a crash left of others."""
        return [path for path in self.files() if _last_written(path) < moment.timestamp()]

    def _place(self, name: str) -> Path:
        """Path for a file; no other name is written, whoever chose it (SECURITY 98)."""
        if not _NAME.fullmatch(name):
            raise ValueError(name)
        return self.root / name[:2] / name[2:4] / name

    def _ensure_room(self) -> None:
        disk = shutil.disk_usage(self.root)
        if disk.free < disk.total * self._guard.least_free:
            raise _full()

    def _keep_all(self, made: Remade) -> Ingested:
        file = self._keep_new(made)
        try:
            preview = self._keep_new(made.preview) if made.preview else None
        except Refused:
            self.remove(file)
            raise
        size = len(made.data) + (len(made.preview.data) if made.preview else 0)
        mime = KEPT[made.format][1]
        return Ingested(file, mime, size, made.width, made.height, preview, made.blurhash)

    def _keep_new(self, made: Remade) -> str:
        return self._keep(f"{ids.file_name()}.{KEPT[made.format][0]}", made.data)

    def _keep(self, name: str, data: bytes) -> str:
        try:
            _write(self.root, self._place(name), data)
        except OSError as error:  # ENOSPC, EDQUOT, EFBIG, EIO: no room, or no disk any more
            log.error("a picture could not be kept: %s", error)
            raise _full() from error
        return name

    async def _remade(
        self, data: bytes, format_: str, purpose: Purpose, sources: Sequence[str]
    ) -> Remade:
        guard = self._guard
        job = {
            "format": format_,
            "shape": SHAPES[purpose],
            "memory": guard.memory,
            "seconds": guard.processor,
            **({"preview": PREVIEW} if purpose == "attachment" else {}),
        }
        expected = KEPT if SHAPES[purpose].get("moves") else STILL
        async with self._turn(*sources):
            try:
                async with asyncio.timeout(guard.patience):
                    said = await _ask_worker(json.dumps(job).encode(), data)
                    both = "preview" in job
                    return await asyncio.to_thread(_understood, *said, tuple(expected), both)
            except TimeoutError:
                raise Refused(503, TOO_SLOW, headers={"Retry-After": "60"}) from None

    @asynccontextmanager
    async def _turn(self, *sources: str) -> AsyncIterator[None]:
        """Wait for a free worker, unless too many wait already."""
        try:
            async with self.places.wait_and_hold(*sources):
                yield
        except Busy as error:
            raise _busy() from error


MEDIA = web.AppKey("media", MediaFolder)


def format_of(data: bytes) -> str | None:
    """Format of a file by its first bytes; what else is said of it does not count."""
    for format_, marks in MAGIC.items():
        if all(data[at : at + len(mark)] == mark for at, mark in marks):
            return format_
    return None


def _too_large(size: int, most: int) -> str:
    unit, name = (1 << 20, "MB") if most >= 1 << 20 else (1 << 10, "kB")
    return f"This picture is {-(-size // unit)} {name}; we can take up to {most // unit}."


def _full() -> Refused:
    return Refused(507, FULL)


def _busy() -> Refused:
    return Refused(503, SENTENCES[503], headers={"Retry-After": "30"})


async def _ask_worker(job: bytes, data: bytes) -> tuple[int, bytes]:
    """(exit status, answer) of a process for this picture alone, which never outlives the call."""
    try:
        process = await processes.start(*WORKER, env=ENVIRONMENT, cwd="/")
    except OSError as error:  # no process or memory left for it
        log.error("no image worker could be started: %s", error)
        raise _busy() from error
    try:
        return await _converse(process, job, data)
    finally:
        await process.end()


async def _converse(process: Child, job: bytes, data: bytes) -> tuple[int, bytes]:
    async with asyncio.TaskGroup() as group:
        group.create_task(_tell(process, job, data))
        complaint = group.create_task(_read(process.stderr, MOST_COMPLAINT))
        said = await _read(process.stdout, MOST_ANSWER)
        if sum(map(len, said)) > MOST_ANSWER:
            process.kill()
            while await process.stdout.read(65_536):
                pass  # a pipe that nobody empties would never be seen to end
    status = await process.wait()
    if status > 0:  # not the picture's fault: signals are negative, refusals are answers
        log.error("the image worker failed: %r", b"".join(complaint.result())[-2000:])
    return status, await join(said)


async def _tell(process: Child, job: bytes, data: bytes) -> None:
    with suppress(BrokenPipeError, ConnectionResetError):  # it ended before it had read all
        process.stdin.write(job + b"\n")
        process.stdin.write(data)
        await process.stdin.drain()
    process.stdin.close()


async def _read(stream: asyncio.StreamReader, most: int) -> list[bytes]:
    """Read everything, or a little more than `most`, in pieces."""
    found, size = [], 0
    while size <= most and (chunk := await stream.read(65_536)):
        found.append(chunk)
        size += len(chunk)
    return found


def _understood(
    status: int, said: bytes, expected: Sequence[str] = STILL, both: bool = False
) -> Remade:
    """Result that the worker reported, believed only as far as the bytes bear it out."""
    if status > 0:
        raise _busy()
    if status < 0:
        raise _unfit(_SIGNALS.get(-status, "unreadable"))
    head, at = said[:MOST_HEAD].partition(b"\n")[0], said.find(b"\n", 0, MOST_HEAD) + 1
    try:
        about = json.loads(head)
        if "refused" in about:
            raise _unfit(str(about["refused"]))
        end = at + int(about["bytes"]) if both else len(said)
        made = _make(about, said[at:end], expected)
        if not both:
            return made
        preview = _make(about["preview"], said[end:], STILL)
        return replace(made, preview=preview, blurhash=_blurhash(about["blurhash"]))
    except (ValueError, KeyError, TypeError):
        raise _unfit("unreadable") from None


def _make(about: Mapping[str, Any], data: bytes, expected: Sequence[str]) -> Remade:
    made = Remade(about["format"], int(about["width"]), int(about["height"]), data)
    if made.format not in expected or format_of(data) != made.format:
        raise ValueError(made.format)
    return made


def _blurhash(said: object) -> str:
    if not isinstance(said, str) or not is_blurhash(said):
        raise ValueError(said)
    return said


def _unfit(reason: str) -> Refused:
    return Refused(422, REASONS.get(reason, REASONS["unreadable"]))


def _write(root: Path, path: Path, data: bytes) -> None:
    """Whole and on the disk, or not at all."""
    for folder in (path.parent.parent, path.parent):
        folder.mkdir(mode=0o700, exist_ok=True)
    if path.parent.resolve() != path.parent:
        raise NotADirectoryError(ENOTDIR, "a link in place of a folder", str(path.parent))
    part = path.with_name(f".{path.name}.part")
    try:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        with os.fdopen(os.open(part, flags, 0o600), "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        part.rename(path)
    except BaseException:
        part.unlink(missing_ok=True)
        raise
    for folder in (path.parent, path.parent.parent, root):
        _sync(folder)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _last_written(path: Path) -> float:
    """Seconds since 1970; for what is no file of ours or gone, no time ever."""
    with suppress(OSError):
        about = path.lstat()
        return math.inf if stat.S_ISDIR(about.st_mode) else about.st_mtime
    return math.inf


async def remove_strays(folder: MediaFolder, database: Database, now: datetime) -> int:
    """Take away files that no row names, half a day after they came (SECURITY 62)."""
    old = await asyncio.to_thread(folder.last_written_before, now - STRAY_AFTER)
    named = await database.read(attachments.names)  # after the files were listed
    return await asyncio.to_thread(_unlink_others, old, named)


def _unlink_others(paths: Collection[Path], named: Collection[str]) -> int:
    strays = [path for path in paths if path.name not in named]
    for path in strays:
        path.unlink(missing_ok=True)
    return len(strays)


async def serve(request: web.Request) -> web.StreamResponse:
    """GET /media/{name}: a picture, or 404 in JSON, whatever is accepted (SECURITY 30)."""
    name = request.match_info["name"]
    lasting = await request.app[DATABASE].read(_open_to_all, name)
    data = await asyncio.to_thread(request.app[MEDIA].read, name) if lasting else None
    return file_answer(name, data, lasting or "")


def _open_to_all(reader: Reader, name: str) -> str | None:
    """Seconds that caches may keep what everybody may see; None for all else."""
    row = attachments.by_file(reader, name)
    if row is None:
        return FOR_GOOD if emojis.by_file(reader, name) else None
    if row.purpose in OF_PEOPLE:
        return FOR_GOOD
    seen = row.post and visible_posts.by_id(reader, Anonymous(), row.post)
    return FOR_A_DAY if seen else None


def file_answer(name: str, data: bytes | None, caching: str) -> web.Response:
    """A picture as such and nothing else, or 404 (SECURITY 30)."""
    mime = _TYPES.get(name.rpartition(".")[2])
    if data is None or KEPT.get(format_of(data) or "", ("", ""))[1] != mime:
        return no_file()
    headers = {
        **HEADERS,
        "Cache-Control": caching,
        "Content-Disposition": f'inline; filename="{name}"',
    }
    return web.Response(body=data, content_type=mime, headers=headers)


def no_file() -> web.Response:
    response = answer({"error": not_found().sentence}, 404)
    response.headers.update(HEADERS)
    return response


ROUTES: list[Route] = [shared_document("/media/{name}", serve)]
