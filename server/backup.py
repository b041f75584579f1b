"""Backups to rely on: database, media and configuration in one folder, with a manifest."""

import asyncio
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from pathlib import Path

from server import VERSION
from storage.database import Database
from storage.examination import examine

DATABASE_FILE = "kith.sqlite3"
MANIFEST = "manifest.json"
CONFIGURATION = ("kith.toml", "secret")
MEDIA = "media"


class BackupFailed(Exception):
    """A backup cannot be made or used, in a sentence."""


@dataclass(frozen=True, slots=True)
class Made:
    """Where it lies; how many files, and bytes in all."""

    folder: Path
    files: int
    size: int


async def make(database: Database, data: Path, to: Path, now: datetime) -> Made:
    """Write `<to>/kith-<date>-<time>`; it has that name only once it is whole.

    Works under write load: the database is copied by VACUUM INTO, media files never change.
    """
    folder = to / f"kith-{now:%Y%m%d-%H%M%S}"
    unfinished = folder.with_name(f".{folder.name}.part")
    await asyncio.to_thread(_begin, to, folder, unfinished)
    try:
        await database.vacuum_into(unfinished / DATABASE_FILE)
        return await asyncio.to_thread(_finish, data, unfinished, folder)
    except BaseException:
        await asyncio.to_thread(shutil.rmtree, unfinished, ignore_errors=True)
        raise


def _begin(to: Path, folder: Path, unfinished: Path) -> None:
    to.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.exists():
        raise FileExistsError(17, "there is one of this very second already")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)


def _finish(data: Path, unfinished: Path, folder: Path) -> Made:
    for name in CONFIGURATION:
        if (data / name).is_file():
            _copy(data / name, unfinished / name)
    for path in _files(data / MEDIA):
        _copy(path, unfinished / MEDIA / path.relative_to(data / MEDIA))
    contents = [_described(path, unfinished) for path in _files(unfinished)]
    manifest = {"version": VERSION, "files": contents}
    _write(unfinished / MANIFEST, json.dumps(manifest, indent=1).encode())
    for path in _files(unfinished):
        path.chmod(0o600)
        _sync(path)
    unfinished.rename(folder)
    _sync(folder.parent)
    return Made(folder, len(contents), sum(int(str(one["bytes"])) for one in contents))


def _files(folder: Path) -> Iterator[Path]:
    """Whole files only: what is being written has another name."""
    for path in sorted(folder.rglob("*")):
        if path.is_file() and not path.is_symlink() and path.suffix != ".part":
            yield path


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _write(path: Path, data: bytes) -> None:
    path.write_bytes(data)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _described(path: Path, root: Path) -> dict[str, str | int]:
    digest = sha256()
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    name = path.relative_to(root).as_posix()
    return {"name": name, "bytes": path.stat().st_size, "sha256": digest.hexdigest()}


def restore(backup: Path, data: Path) -> Made:
    """Put a backup into an empty data folder, after everything in it was checked."""
    contents = _checked(backup)
    if data.exists() and any(data.iterdir()):
        raise BackupFailed(
            f"{data} is not empty. Restore into an empty folder, so that nothing is overwritten."
        )
    findings = examine(backup / DATABASE_FILE)
    if findings.problems:
        raise BackupFailed(f"The database in this backup is damaged: {findings.problems[0]}.")
    data.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name in contents:
        _copy(backup / name, data / name)
        (data / name).chmod(0o600)
        _sync(data / name)
    return Made(data, len(contents), sum((data / name).stat().st_size for name in contents))


def _checked(backup: Path) -> list[str]:
    """The names in the manifest, when every file is there as it was written."""
    try:
        manifest = json.loads((backup / MANIFEST).read_text())
        expected = {one["name"]: one for one in manifest["files"]}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackupFailed(f"{backup} is not a backup of Kith, or not a whole one.") from error
    for name, one in expected.items():
        path = backup / name
        inside = path.resolve().is_relative_to(backup.resolve())
        if not inside or not path.is_file() or _described(path, backup) != one:
            raise BackupFailed(f"“{name}” in this backup is missing, or not as it was written.")
    if DATABASE_FILE not in expected:
        raise BackupFailed("There is no database in this backup.")
    return sorted(expected)
