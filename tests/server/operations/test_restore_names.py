"""A restore writes only names from an allow list, and follows no link (SECURITY 98)."""

import json
import os
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from hashlib import sha256
from pathlib import Path

import pytest

from server.actions.lifecycle import data_export
from server.media.store import MediaFolder, Remade
from server.operations import backup
from server.operations.backup import BackupFailed, is_allowed
from tests.storage.raw import blank

PICTURE = f"media/ab/cd/abcd{'0' * 28}.png"
NAMES = [
    "../x",
    "/etc/passwd",
    "media/../../x",
    "media/../secret",
    "L/../../../.ssh/authorized_keys",
    "./secret",
    "media//x",
    "media",
    "",
    ".",
    "secret/",
    "SECRET",
    "Kith.toml",
    "secret\x00",
    "secret\n",
    "manifest.json",
    "lock",
    "control.sock",
    "kith.sqlite3-wal",
    "kith.sqlite3-journal",
    "exports/a.zip",
    "cache/ab/cd/x.png",
    "media\\ab\\x.png",
    PICTURE.upper(),
    PICTURE.replace(".png", ".svg"),
    PICTURE.replace("ab/cd/", "ab/ce/"),
    PICTURE + "/x",
    f"{PICTURE}\n",
    7,
    None,
    ["secret"],
    {"x": 1},
]


def crafted(folder: Path, *names: object, database: bytes | None = None) -> Path:
    """A backup that is right but for these names; where a file can be, there is one."""
    folder.mkdir()
    (folder / "kith.sqlite3").write_bytes(blank() if database is None else database)
    (folder / PICTURE).parent.mkdir(parents=True)
    for name in (PICTURE, "secret"):
        (folder / name).write_bytes(b"as it was")
    listed = [described(folder, name) for name in ("kith.sqlite3", PICTURE, "secret", *names)]
    (folder / "manifest.json").write_text(json.dumps({"version": "0.1", "files": listed}))
    return folder


def described(folder: Path, name: object) -> dict[str, object]:
    data = b""
    if isinstance(name, str) and "\x00" not in name and (folder / name).is_file():
        data = (folder / name).read_bytes()
    return {"name": name, "bytes": len(data), "sha256": sha256(data).hexdigest()}


def everything(folder: Path) -> set[str]:
    return {str(path.relative_to(folder)) for path in folder.rglob("*")}


def test_backup_of_ours_is_restored(tmp_path: Path) -> None:
    made = backup.restore(crafted(tmp_path / "backup"), tmp_path / "data")
    assert made.files == 3
    files = {str(one.relative_to(tmp_path / "data")) for one in (tmp_path / "data").rglob("*.*")}
    assert files == {"kith.sqlite3", PICTURE}
    assert all(is_allowed(name) for name in ("kith.sqlite3", "kith.toml", "secret", PICTURE))


@pytest.mark.parametrize("name", NAMES)
def test_names_of_other_shapes_are_refused_before_anything_is_written(
    tmp_path: Path, name: object
) -> None:
    (tmp_path / "x").write_text("somebody's own")
    folder = crafted(tmp_path / "backup")
    shutil.rmtree(folder)
    before = everything(tmp_path)
    crafted(folder, name)
    with pytest.raises(BackupFailed):
        backup.restore(folder, tmp_path / "data")
    shutil.rmtree(folder)
    assert everything(tmp_path) == before
    assert not is_allowed(name)


def as_link(path: Path, outside: Path) -> None:
    path.unlink()
    path.symlink_to(outside)


def as_pipe(path: Path, _: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def as_folder(path: Path, _: Path) -> None:
    path.unlink()
    path.mkdir()


def folder_as_link(path: Path, outside: Path) -> None:
    """The same file, by way of a link to another folder."""
    elsewhere = outside.with_name("elsewhere")
    shutil.move(path.parent, elsewhere)
    path.parent.symlink_to(elsewhere)


@pytest.mark.parametrize("name", [PICTURE, "secret", "kith.sqlite3", "manifest.json"])
@pytest.mark.parametrize("change", [as_link, as_pipe, as_folder])
def test_files_alone_are_restored(
    tmp_path: Path, name: str, change: Callable[[Path, Path], None]
) -> None:
    folder = crafted(tmp_path / "backup")
    outside = tmp_path / "outside"
    shutil.copyfile(folder / name, outside)
    change(folder / name, outside)
    with pytest.raises(BackupFailed):
        backup.restore(folder, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_folders_in_a_backup_are_no_links(tmp_path: Path) -> None:
    folder = crafted(tmp_path / "backup")
    folder_as_link(folder / PICTURE, tmp_path / "outside")
    with pytest.raises(BackupFailed, match="not as it was written"):
        backup.restore(folder, tmp_path / "data")
    assert not (tmp_path / "data").exists()


def test_name_that_is_there_twice_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BackupFailed, match="not a whole one"):
        backup.restore(crafted(tmp_path / "backup", "secret"), tmp_path / "data")


def test_data_folder_that_holds_a_link_is_not_empty(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "media").symlink_to(tmp_path)
    with pytest.raises(BackupFailed, match="not empty"):
        backup.restore(crafted(tmp_path / "backup"), tmp_path / "data")
    assert not (tmp_path / "ab").exists()


def test_files_beside_the_database_change_nothing_of_what_is_examined(tmp_path: Path) -> None:
    """A write-ahead log that is in no manifest would make another database of it."""
    source = tmp_path / "source"
    source.write_bytes(blank())
    with closing(sqlite3.connect(source, isolation_level=None)) as other:
        other.execute("PRAGMA journal_mode = WAL")
        shutil.copyfile(source, tmp_path / "database")
        other.execute("PRAGMA writable_schema = ON")
        other.execute("UPDATE sqlite_schema SET sql = 'damaged'")
        shutil.copyfile(f"{source}-wal", tmp_path / "log")
    folder = crafted(tmp_path / "backup", database=(tmp_path / "database").read_bytes())
    shutil.copyfile(tmp_path / "log", folder / "kith.sqlite3-wal")
    backup.restore(folder, tmp_path / "data")
    restored, given = (one / "kith.sqlite3" for one in (tmp_path / "data", folder))
    assert restored.read_bytes() == given.read_bytes()
    assert not (tmp_path / "data" / "kith.sqlite3-wal").exists()


async def test_pictures_are_kept_under_no_other_name_and_behind_no_link(tmp_path: Path) -> None:
    kept = MediaFolder(tmp_path / "media", 1 << 20)
    made = Remade("PNG", 1, 1, b"picture")
    for stem in ("../../x", "/tmp/x", "a" * 31, "A" * 32, f"{'a' * 32}/x", f"{'a' * 32}\n"):
        with pytest.raises(ValueError, match=r"."):
            kept.keep_as(stem, made)
    (tmp_path / "outside").mkdir()
    (tmp_path / "media" / "ab").mkdir()
    (tmp_path / "media" / "ab" / "cd").symlink_to(tmp_path / "outside")
    with pytest.raises(Exception, match="disk"):
        kept.keep_as("abcd" + "0" * 28, made)
    assert list((tmp_path / "outside").iterdir()) == []


def test_archives_are_found_under_no_other_name(tmp_path: Path) -> None:
    """The name comes from the database, and that may be one that somebody restored."""
    folder, good = tmp_path / "exports", f"{'0' * 32}.zip"
    folder.mkdir()
    (tmp_path / "secret").write_text("x")
    (folder / good).write_text("x")
    (folder / f"{'1' * 32}.zip").symlink_to(tmp_path / "secret")
    assert data_export.place_of(folder, good) == folder / good
    for name in ("../secret", "/etc/passwd", f"{'1' * 32}.zip", f"{'2' * 32}.zip", "", "secret"):
        assert data_export.place_of(folder, name) is None
