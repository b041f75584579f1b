"""Troubles of SQLite and the disk, in sentences that tell what to do."""

import os
import sqlite3
from contextlib import suppress
from errno import EACCES, EDQUOT, EFBIG, ENOSPC, EPERM, EROFS
from pathlib import Path
from tempfile import NamedTemporaryFile

from storage.engine.errors import CannotOpen, Damaged, NotCommitted, StorageError

FULL = (ENOSPC, EDQUOT, EFBIG)
PROBE = 256 * 1024
MB = 1 << 20
_FILE = "SELECT file FROM pragma_database_list WHERE name = 'main'"


def no_room(folder: Path) -> str:
    """Sentence on how to go on where a disk is full."""
    with suppress(OSError):
        left = os.statvfs(folder)
        free = left.f_bavail * left.f_frsize // MB
        return (
            f"There is no room left on the disk of {folder} ({free} MB are free)."
            " Nothing is lost, and nothing was changed. Make room – move old backups elsewhere,"
            " empty the folder “cache” in the data folder, take other files away – and start again."
        )
    return f"There is no room left on the disk of {folder}. Make some, and start again."


def restoring(path: Path) -> str:
    """Sentence on how to go on with a damaged database, from what lies beside it."""
    copies = sorted(path.parent.glob(f"{path.name}.before-*"), key=lambda one: one.stat().st_mtime)
    beside = (
        f" A copy from before the last upgrade is {copies[-1]}; it goes with the program of then."
        if copies
        else ""
    )
    return (
        f" Nothing was written to it. To go on: move the data folder {path.parent} aside, restore"
        " the latest backup into an empty one with `kith restore BACKUP`, and start again; what"
        f" was written since that backup is lost.{beside}"
    )


def is_full(error: BaseException, folder: Path) -> bool:
    """Whether there was no room. SQLite says so of an empty disk only, not of quotas and limits."""
    name = getattr(error, "sqlite_errorname", "") or ""
    if name == "SQLITE_FULL":
        return True
    if isinstance(error, OSError):
        return error.errno in FULL
    return name.startswith("SQLITE_IOERR") and _probe(folder) in FULL


def _probe(folder: Path) -> int:
    """Error number of the system when something is written there; 0 where all is well."""
    try:
        with NamedTemporaryFile(dir=folder, prefix=".probe-") as file:
            file.write(b"\0" * PROBE)
            file.flush()
            os.fsync(file.fileno())
    except OSError as error:
        return error.errno or 0
    return 0


def on_opening(error: BaseException, path: Path) -> StorageError:
    """Error that tells whoever starts the server, or a command without it, what is wrong."""
    if isinstance(error, NotCommitted) and error.__cause__ is not None:
        error = error.__cause__
    if isinstance(error, Damaged):
        return Damaged(f"{error}{restoring(path)}")
    if isinstance(error, StorageError):
        return error
    if is_full(error, path.parent):
        return CannotOpen(no_room(path.parent))
    if isinstance(error, OSError | sqlite3.OperationalError):
        return CannotOpen(f"The database {path} cannot be opened: {_why(error, path)}")
    return Damaged(
        f"The database {path} is damaged, or it is no database of Kith ({error}).{restoring(path)}"
    )


def _why(error: BaseException, path: Path) -> str:
    name = getattr(error, "sqlite_errorname", "") or ""
    errno = getattr(error, "errno", 0) or _probe(path.parent)
    if path.is_dir():
        return "it is a folder. Move that aside."
    if not path.parent.is_dir():
        return f"there is no folder {path.parent}."
    if errno == EROFS:
        return "its disk can only be read. Mount it so that it can be written, and start again."
    if errno in (EACCES, EPERM) or name.startswith(("SQLITE_READONLY", "SQLITE_CANTOPEN")):
        return (
            "this program may not read and write it. The folder and every file in it must belong"
            " to the user who runs the server."
        )
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return "another program holds it. End that – a tool that looks into it, a copy – and retry."
    return f"{error}. If it goes on, look after the disk: the system's log says more."


def on_commit(cause: BaseException, connection: sqlite3.Connection) -> NotCommitted:
    """Error that a group of units that was not kept is given."""
    if is_full(cause, _folder(connection)):
        error = NotCommitted("there is no room left on the disk", no_room=True)
    else:
        error = NotCommitted("the database could not keep the change")
    error.__cause__ = cause
    return error


def _folder(connection: sqlite3.Connection) -> Path:
    with suppress(sqlite3.Error):
        return Path(connection.execute(_FILE).fetchone()[0]).parent
    return Path()
