"""A start that cannot be says what is wrong and how to go on; a full disk is told to who writes."""

import json
import os
import resource
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from storage.engine.database import open_database
from storage.engine.errors import CannotOpen, Damaged, NotCommitted, StorageError
from storage.engine.site import Site
from storage.engine.troubles import on_opening
from tests.server.operations.test_backup import kith
from tests.storage.engine.test_database import say
from tests.storage.raw import blank
from tests.support.process import environment, free_port
from tests.support.servers import Place

FILE = "kith.sqlite3"


@pytest.fixture
def made(tmp_path: Path) -> tuple[dict[str, str], Path]:
    """Settings and a data folder with a database in it, and somebody's picture."""
    environ = environment(tmp_path / "data", free_port())
    assert kith(environ, "account", "list").returncode == 0
    (tmp_path / "data" / "media" / "ab").mkdir(parents=True, exist_ok=True)
    return environ, tmp_path / "data"


def spoil(file: Path) -> None:
    data = bytearray(file.read_bytes())
    for page in range(1, len(data) // 4096):
        data[page * 4096 : page * 4096 + 8] = b"\xff" * 8
    file.write_bytes(data)


def cut(file: Path) -> None:
    os.truncate(file, file.stat().st_size // 2)


def empty(file: Path) -> None:
    os.truncate(file, 0)


def other(file: Path) -> None:
    file.write_bytes(b"Dear diary, " * 1000)


def newer(file: Path) -> None:
    with closing(sqlite3.connect(file)) as connection:
        connection.execute("PRAGMA user_version = 9999")


def folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


@pytest.mark.parametrize(
    ("trouble", "says"),
    [
        (spoil, "kith restore BACKUP"),
        (cut, "kith restore BACKUP"),
        (empty, "is empty, and it was not"),
        (other, "no database of Kith"),
        (newer, "Start the newer program"),
        (folder, "it is a folder"),
    ],
)
def test_start_that_cannot_be_says_why_and_how_to_go_on(
    made: tuple[dict[str, str], Path], trouble: Callable[[Path], None], says: str
) -> None:
    environ, data = made
    made_backup = json.loads(kith(environ, "backup", "--json").stdout)["backup"]
    trouble(data / FILE)
    before = (data / FILE).read_bytes() if (data / FILE).is_file() else b""
    for command in (("serve",), ("doctor",), ("backup",)):
        done = kith(environ, *command)
        assert done.returncode == 1, command
        assert done.stderr.startswith("kith: "), (command, done.stderr)
        assert "Traceback" not in done.stderr
        assert says in done.stderr, (command, done.stderr)
        if trouble not in (newer, folder):
            assert str(made_backup) in done.stderr
    if before:
        assert (data / FILE).read_bytes() == before


def test_start_on_a_full_disk_says_so(made: tuple[dict[str, str], Path]) -> None:
    environ, data = made
    with closing(sqlite3.connect(data / FILE)) as connection:
        connection.execute("PRAGMA user_version = 1")  # so that a copy is to be made
    for command in (("serve",), ("doctor",), ("account", "list")):
        done = kith(environ, *command, largest=32 * 1024)
        assert done.returncode == 1
        assert f"There is no room left on the disk of {data}" in done.stderr, done.stderr
        assert "Traceback" not in done.stderr


def test_backup_without_room_says_so(made: tuple[dict[str, str], Path]) -> None:
    environ, _ = made
    done = kith(environ, "backup", largest=128 * 1024)
    assert done.returncode == 1
    assert "There is no room left on the disk of" in done.stderr


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Path]:
    """A disk of a few megabytes."""
    disk = tmp_path / "tiny"
    disk.mkdir()
    mount = ("mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk))
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        yield disk
    finally:
        subprocess.run(("umount", str(disk)), check=True)


async def test_disk_without_a_free_byte_is_told_at_start(tiny: Path, site: Site) -> None:
    (tiny / "db").write_bytes(blank())
    with (tiny / "large").open("wb", buffering=0) as large:
        try:
            while True:
                large.write(b"x" * 4096)
        except OSError:
            pass
    with pytest.raises(CannotOpen, match="no room left on the disk"):
        async with open_database(tiny / "db", site):
            pass
    (tiny / "large").unlink()
    async with open_database(tiny / "db", site):
        pass


async def test_writing_on_a_full_disk_is_answered_507_and_goes_on_once_there_is_room(
    place: Place,
) -> None:
    alice = await place.person("alice")
    wal = place.app_folder / f"{FILE}-wal"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (wal.stat().st_size, hard))
    try:
        status, body = await alice.ask("POST", "/api/v1/statuses", json={"status": "x" * 400})
        read, _ = await alice.ask("GET", "/api/v1/timelines/home")
        with pytest.raises(NotCommitted) as refused:
            await place.database.write(say, "a")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert (status, read) == (507, 200)
    assert refused.value.no_room
    assert "no room left" in body["error"]
    await alice.say("And on it goes.")


async def test_database_that_another_program_holds_is_told(tmp_path: Path, site: Site) -> None:
    (tmp_path / "db").write_bytes(blank())
    with closing(sqlite3.connect(tmp_path / "db", isolation_level=None)) as holder:
        holder.execute("BEGIN EXCLUSIVE")
        with pytest.raises(CannotOpen, match="another program holds it"):
            async with open_database(tmp_path / "db", site):
                pass


@pytest.mark.parametrize(
    ("error", "type_", "says"),
    [
        (PermissionError(13, "Permission denied"), CannotOpen, "belong to the user"),
        (OSError(30, "Read-only file system"), CannotOpen, "can only be read"),
        (OSError(28, "No space left on device"), CannotOpen, "no room left"),
        (OSError(122, "Disk quota exceeded"), CannotOpen, "no room left"),
        (sqlite3.DatabaseError("malformed"), Damaged, "kith restore"),
    ],
)
def test_errors_of_the_system_are_put_into_words(
    tmp_path: Path, error: Exception, type_: type[StorageError], says: str
) -> None:
    (tmp_path / "db.before-3").touch()
    told = on_opening(error, tmp_path / "db")
    assert type(told) is type_
    assert says in str(told)
    assert ("db.before-3" in str(told)) == (type_ is Damaged)
