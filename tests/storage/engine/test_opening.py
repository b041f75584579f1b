import random
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from storage.engine import schema
from storage.engine.connection import WRITING, connect
from storage.engine.database import open_database
from storage.engine.errors import (
    CannotOpen,
    Damaged,
    Locked,
    NewerSchema,
    OtherInstance,
    StorageError,
)
from storage.engine.lock import hold
from storage.engine.site import Site
from storage.engine.transaction import Reader, Writer
from tests.storage import cast
from tests.support.process import HANGS

LATEST = max(schema.scripts())


def older(path: Path, version: int) -> None:
    """A database as the first migrations leave it, with somebody in it: in words of that time."""
    raw = connect(path, WRITING)
    for number, script in schema.scripts().items():
        if number <= version:
            raw.executescript(f"{script.read_text()}; PRAGMA user_version = {number}")
    raw.execute(
        "INSERT INTO actors (id, uri, type, name, domain, host, inbox, created_at)"
        " VALUES (1, 'https://home.example/actors/1', 'Person', 'alice', '', '', 'i', 0)"
    )
    raw.close()


def ask(path: Path, *questions: str) -> list[object]:
    raw = sqlite3.connect(path)
    answers = [raw.execute(question).fetchone()[0] for question in questions]
    raw.close()
    return answers


def fill(writer: Writer) -> None:
    alice = cast.actor(writer, "alice")
    for _ in range(300):
        cast.post(writer, alice)


def names(reader: Reader) -> list[str]:
    return [name for (name,) in reader.rows("SELECT name FROM actors ORDER BY name")]


@pytest.mark.parametrize("version", range(1, LATEST))
async def test_copy_is_kept_before_a_migration_and_rows_stay(
    tmp_path: Path, site: Site, version: int
) -> None:
    older(tmp_path / "db", version)
    async with open_database(tmp_path / "db", site) as database:
        assert await database.read(names) == ["alice"]
        assert await database.read(lambda r: r.value("PRAGMA user_version")) == LATEST
    copy = tmp_path / f"db.before-{version}"
    asked = ("PRAGMA user_version", "PRAGMA integrity_check", "SELECT name FROM actors")
    assert ask(copy, *asked) == [version, "ok", "alice"]
    assert stat.S_IMODE(copy.stat().st_mode) == 0o600


async def test_copy_is_not_made_where_nothing_changes(tmp_path: Path, site: Site) -> None:
    for _ in range(2):
        async with open_database(tmp_path / "db", site):
            pass
    assert [path.name for path in tmp_path.iterdir()] == ["db"]


@pytest.mark.parametrize("made", [1, 2, 7, 15, 30, 44])
async def test_migration_killed_in_the_middle_runs_again(
    tmp_path: Path, site: Site, made: int
) -> None:
    older(tmp_path / "db", 1)
    command = (sys.executable, "-m", "tests.storage.interrupted", tmp_path / "db", str(made))
    assert subprocess.run(command, check=False, timeout=HANGS).returncode == -9
    async with open_database(tmp_path / "db", site) as database:
        assert await database.read(lambda r: r.value("PRAGMA user_version")) == LATEST
        assert await database.read(names) == ["alice"]
        assert await database.read(lambda r: r.value("PRAGMA integrity_check")) == "ok"
        assert await database.read(lambda r: r.rows("PRAGMA foreign_key_check")) == []
    assert ask(tmp_path / "db.before-1", "PRAGMA user_version") == [1]


async def test_newer_database_is_refused(tmp_path: Path, site: Site) -> None:
    raw = connect(tmp_path / "db", WRITING)
    raw.execute(f"PRAGMA user_version = {LATEST + 1}")
    raw.close()
    with pytest.raises(NewerSchema, match=f"version {LATEST + 1}"):
        async with open_database(tmp_path / "db", site):
            pass
    assert ask(tmp_path / "db", "SELECT count(*) FROM sqlite_schema") == [0]


@pytest.mark.parametrize(
    "other",
    [
        Site("other.example", "home.example"),
        Site("home.example", "other.example"),
        Site("home.example", "home.example", "http"),
    ],
)
async def test_domain_of_another_is_refused(tmp_path: Path, site: Site, other: Site) -> None:
    async with open_database(tmp_path / "db", site):
        pass
    with pytest.raises(OtherInstance, match="Set it back"):
        async with open_database(tmp_path / "db", other):
            pass
    async with open_database(tmp_path / "db", site):
        pass


async def test_file_of_another_kind_is_refused_and_left_alone(tmp_path: Path, site: Site) -> None:
    for content in (b"Dear diary, " * 1000, b"SQLite format 3\0" + b"\xff" * 9000):
        (tmp_path / "db").write_bytes(content)
        with pytest.raises(Damaged):
            async with open_database(tmp_path / "db", site):
                pass
        assert (tmp_path / "db").read_bytes() == content


async def test_damaged_file_is_refused_and_left_alone(tmp_path: Path, site: Site) -> None:
    async with open_database(tmp_path / "db", site) as database:
        await database.write(fill)
    whole = (tmp_path / "db").read_bytes()
    chance, pages, refused = random.Random(2), len(whole) // 4096, 0
    for _ in range(20):
        spoiled = bytearray(whole)
        for _ in range(8):  # heads of pages, where the structure is
            at = chance.randrange(1, pages) * 4096
            spoiled[at : at + 8] = chance.randbytes(8)
        (tmp_path / "db").write_bytes(spoiled)
        with pytest.raises(Damaged):
            async with open_database(tmp_path / "db", site):
                pass
        refused += (tmp_path / "db").read_bytes() == spoiled
    print(f"damaged files refused and left alone: {refused}")
    assert refused == 20


async def test_random_flips_are_refused_or_do_no_harm(tmp_path: Path, site: Site) -> None:
    async with open_database(tmp_path / "db", site) as database:
        await database.write(fill)
    whole = (tmp_path / "db").read_bytes()
    chance, outcomes = random.Random(3), {"refused": 0, "opened": 0}
    for _ in range(30):
        spoiled = bytearray(whole)
        for at in chance.sample(range(len(whole)), 40):
            spoiled[at] ^= 1 << chance.randrange(8)
        (tmp_path / "db").write_bytes(spoiled)
        try:
            async with open_database(tmp_path / "db", site) as database:
                await database.read(lambda r: r.rows("SELECT id, author FROM posts"))
            outcomes["opened"] += 1
        except StorageError:
            outcomes["refused"] += 1
        for beside in ("db-wal", "db-shm"):
            (tmp_path / beside).unlink(missing_ok=True)
    print(f"files with 40 flipped bits: {outcomes}")
    assert outcomes["refused"] > 0


async def test_missing_folder_is_said(tmp_path: Path, site: Site) -> None:
    with pytest.raises(CannotOpen, match="cannot be opened"):
        async with open_database(tmp_path / "nowhere" / "db", site):
            pass


async def test_files_may_be_read_by_nobody_else(tmp_path: Path, site: Site) -> None:
    (tmp_path / "db").touch(0o644)
    async with open_database(tmp_path / "db", site) as database:
        await database.write(fill)
        modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in tmp_path.iterdir()}
    assert modes == {"db": 0o600, "db-wal": 0o600, "db-shm": 0o600}


HOLD = """
import sys, pathlib
from storage.engine.lock import hold
from tests.support.process import HANGS
from tests.support.process import HANGS
with hold(pathlib.Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


def test_second_process_is_refused_until_the_first_has_gone(tmp_path: Path) -> None:
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen((sys.executable, "-c", HOLD, tmp_path), **pipes) as holder:  # type: ignore[call-overload]
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Locked, match="Another Kith process"), hold(tmp_path):
            pass
        assert (tmp_path / "lock").read_text() == str(holder.pid)
        holder.kill()
    with hold(tmp_path), pytest.raises(Locked), hold(tmp_path):
        pass
    with hold(tmp_path):
        pass
