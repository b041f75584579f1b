"""Backups to rely on: database, media and configuration in one folder, with a manifest."""

import asyncio
import json
import os
import re
import shutil
import stat
from collections.abc import Coroutine, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from pathlib import Path
from threading import Event
from typing import Any, TypeVar

from server import VERSION
from storage.engine.database import Database
from storage.engine.errors import NotCopied
from storage.lifecycle.integrity import examine

DATABASE_FILE = "kith.sqlite3"
MANIFEST = "manifest.json"
MEDIA = "media"
UNFINISHED = ".part"
STALE = timedelta(days=1)

# All that a backup can hold beside its manifest (SECURITY 98). A picture lies in the folders of its
# first digits.
_PICTURE = re.compile(r"media/([0-9a-f]{2})/([0-9a-f]{2})/\1\2[0-9a-f]{28}\.(?:jpg|png|gif|webp)")
_SINGLE = (DATABASE_FILE, "kith.toml", "secret")

T = TypeVar("T")


class BackupFailed(Exception):
    """A backup cannot be made or used, in a sentence."""


@dataclass(frozen=True, slots=True)
class Sources:
    """Files that belong in a backup beside the database; those that do not exist are left out."""

    media: Path
    configuration: Path
    secret: Path


@dataclass(frozen=True, slots=True)
class Made:
    """Backup that was made: its path, and how many files and bytes are in it."""

    folder: Path
    files: int
    size: int


async def make(database: Database, sources: Sources, to: Path, now: datetime) -> Made:
    """Write `<to>/kith-<date>-<time>`; it has that name only once it is whole.

    Works under write load: the database is copied by VACUUM INTO, and media files never change.
    Those that a post of the copy names are there, since they are gathered before and after.
    """
    folder = to / f"kith-{now:%Y%m%d-%H%M%S}"
    unfinished = folder.with_name(f".{folder.name}{UNFINISHED}")
    gone_on = Event()
    _begin(to, folder, unfinished)
    try:
        await _whole(asyncio.to_thread(_tidy, to, now - STALE), gone_on)
        await _whole(asyncio.to_thread(_gather, sources.media, unfinished, gone_on), gone_on)
        await _copy_database(database, unfinished / DATABASE_FILE)
        finishing = asyncio.to_thread(_finish, sources, unfinished, folder, gone_on)
        return await _whole(finishing, gone_on)
    except BaseException:
        await asyncio.to_thread(shutil.rmtree, unfinished, ignore_errors=True)
        raise


async def _whole(work: Coroutine[Any, Any, T], gone_on: Event) -> T:
    """Work in a thread; whoever is cancelled waits until the thread has noticed."""
    task = asyncio.ensure_future(work)
    try:
        return await asyncio.shield(task)
    except asyncio.CancelledError:
        gone_on.set()
        await asyncio.wait([task])
        raise


async def _copy_database(database: Database, target: Path) -> None:
    try:
        await database.vacuum_into(target)
    except NotCopied as error:
        raise BackupFailed(str(error)) from error


def _begin(to: Path, folder: Path, unfinished: Path) -> None:
    """Begin in no thread: nobody can be cancelled between having the folder and knowing it."""
    to.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.exists() or unfinished.exists():
        raise BackupFailed("A backup of this very second is there already.")
    unfinished.mkdir(mode=0o700)


def _tidy(to: Path, before: datetime) -> None:
    """Take away what a process that was killed left unfinished."""
    for left in to.glob(f".kith-*{UNFINISHED}"):
        if left.stat().st_mtime < before.timestamp():
            shutil.rmtree(left, ignore_errors=True)


def _gather(media: Path, unfinished: Path, gone_on: Event) -> None:
    """Take the media files that are not there yet."""
    for path in _files(media):
        name = f"{MEDIA}/{path.relative_to(media).as_posix()}"
        target = unfinished / name
        if is_allowed(name) and not target.exists():
            target.parent.mkdir(parents=True, exist_ok=True)
            with suppress(FileNotFoundError):  # deleted meanwhile
                _take(path, target)
        _ensure_wanted(gone_on)


def _take(path: Path, target: Path) -> None:
    """A second name for the same file costs no room; on another disk it has to be a copy."""
    try:
        target.hardlink_to(path)
    except FileNotFoundError:
        raise
    except OSError:
        shutil.copyfile(path, target)


def _ensure_wanted(gone_on: Event) -> None:
    if gone_on.is_set():
        raise BackupFailed("The backup was given up before it was whole.")


def _finish(sources: Sources, unfinished: Path, folder: Path, gone_on: Event) -> Made:
    _gather(sources.media, unfinished, gone_on)
    for name, source in (("kith.toml", sources.configuration), ("secret", sources.secret)):
        if source.is_file():
            shutil.copyfile(source, unfinished / name)
    contents = []
    for path in _files(unfinished):
        contents.append(_describe(path, unfinished))
        _ensure_wanted(gone_on)
    manifest = {"version": VERSION, "files": contents}
    (unfinished / MANIFEST).write_text(json.dumps(manifest, indent=1))
    _seal(unfinished)
    _ensure_wanted(gone_on)
    unfinished.rename(folder)
    _sync(folder.parent)
    return Made(folder, len(contents), sum(int(str(one["bytes"])) for one in contents))


def _seal(folder: Path) -> None:
    """Make all files of a backup readable by their owner alone, and flush them to the disk."""
    for path in (*folder.rglob("*"), folder):
        path.chmod(0o700 if path.is_dir() else 0o600)
        _sync(path)


def _files(folder: Path) -> Iterator[Path]:
    """Whole files only: what is being written has another name."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.suffix != ".part":
            yield path


def is_allowed(name: object) -> bool:
    """Whether something of this name can be in a backup."""
    if not isinstance(name, str):
        return False
    return name in _SINGLE or _PICTURE.fullmatch(name) is not None


def _is_plain(root: Path, name: str) -> bool:
    """Whether it is a file, reached from there by folders alone: no link, no pipe, no device."""
    path = root
    *folders, last = name.split("/")
    try:
        for folder in folders:
            path /= folder
            if not stat.S_ISDIR(path.lstat().st_mode):
                return False
        return stat.S_ISREG((path / last).lstat().st_mode)
    except OSError:
        return False


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _describe(path: Path, root: Path) -> dict[str, str | int]:
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    name = path.relative_to(root).as_posix()
    return {"name": name, "bytes": path.stat().st_size, "sha256": digest.hexdigest()}


def restore(backup: Path, data: Path) -> Made:
    """Put a backup into an empty data folder, after everything in it was checked.

    The database comes last, so that nothing starts on half of it; a failure leaves nothing behind.
    """
    contents = _check_names(backup)
    if data.exists() and not data.is_dir():
        raise BackupFailed(f"{data} is not a folder.")
    if data.exists() and any(data.iterdir()):
        raise BackupFailed(
            f"{data} is not empty. Restore into an empty folder, so that nothing is overwritten."
        )
    findings = examine(backup / DATABASE_FILE, as_copied=True)
    if findings.problems:
        raise BackupFailed(f"The database in this backup is damaged: {findings.problems[0]}.")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        for name in sorted(contents, key=lambda name: (name == DATABASE_FILE, name)):
            _put_back(backup / name, data / name)
    except BaseException:
        _empty(data)
        raise
    return Made(data, len(contents), sum((data / name).stat().st_size for name in contents))


def _put_back(source: Path, target: Path) -> None:
    for folder in reversed(target.parents):
        if not folder.exists():
            folder.mkdir(mode=0o700)
    part = target.with_name(f".{target.name}.part")
    _copy(source, part)
    part.rename(target)
    _sync(target.parent)


def _copy(source: Path, target: Path) -> None:
    """A new file with the same bytes, on the disk; no link is followed at either end."""
    reading = os.open(source, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    with os.fdopen(reading, "rb") as given:
        new = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(new, "wb") as made:
            shutil.copyfileobj(given, made, 1 << 20)
            made.flush()
            os.fsync(made.fileno())


def _empty(folder: Path) -> None:
    for path in folder.iterdir():
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _check_names(backup: Path) -> list[str]:
    """The names in the manifest, when each is one of ours and its file is as it was written."""
    expected = _read_manifest(backup)
    for name in expected:
        if not is_allowed(name):
            raise BackupFailed(
                f"There is a name in this backup that none of ours has, {name!r:.100}."
                " Nothing was written."
            )
    for name, one in expected.items():
        if not _is_plain(backup, name) or _describe(backup / name, backup) != one:
            raise BackupFailed(f"“{name}” in this backup is missing, or not as it was written.")
    if DATABASE_FILE not in expected:
        raise BackupFailed("There is no database in this backup.")
    return sorted(expected)


def _read_manifest(backup: Path) -> dict[str, object]:
    """Name → what the manifest says of the file; nothing of it is believed yet."""
    try:
        if not _is_plain(backup, MANIFEST):
            raise ValueError(MANIFEST)
        files = json.loads((backup / MANIFEST).read_text())["files"]
        expected = {one["name"]: one for one in files}
        if len(expected) != len(files):
            raise ValueError("a name that is there twice")
        return expected
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise BackupFailed(f"{backup} is not a backup of Kith, or not a whole one.") from error
