"""Backups to rely on: whole or not there, restored with the same keys, and nothing half."""

import asyncio
import json
import os
import resource
import stat
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from pathlib import Path
from time import perf_counter

import pytest

from server.media.store import MEDIA
from server.operations import backup
from server.operations.backup import DATABASE_FILE, BackupFailed, Made, Sources
from storage.people import keys
from tests.server.media.test_processing import corners, encoded
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.process import HANGS, KITH, PASSWORD, environment, free_port, wait_until_healthy
from tests.support.servers import Person, Place, give_token, serving, settle

ROOT = Path(__file__).parents[3]
PICTURE = encoded(corners(), "PNG")


async def backed_up(place: Place, to: Path, watch: Watch) -> Made:
    folder = place.app_folder
    sources = Sources(folder / "media", folder / "kith.toml", folder / "secret")
    return await backup.make(place.database, sources, to, watch())


@asynccontextmanager
async def again(
    place: Place, folder: Path, internet: Internet, watch: Watch
) -> AsyncIterator[Place]:
    """The server of another folder, with the same people."""
    async with serving(folder, place.host, internet, watch) as made:
        for name, person in place.people.items():
            token = await made.database.write(give_token, person.actor.id)
            made.people[name] = Person(made, person.actor, token)
        yield made


async def test_restored_server_is_the_same_to_others(tmp_path: Path, watch: Watch) -> None:
    """Accounts and keys are the same: a peer accepts its signature by the key that it has kept."""
    internet = Internet()
    async with serving(tmp_path / "away", "away.example", internet, watch) as away:
        ines = await away.person("ines")
        async with serving(tmp_path / "home", "home.example", internet, watch) as home:
            marta = await home.person("marta")
            await ines.follow(marta)
            await settle(home, away)
            await marta.say("Before.")
            await settle(home, away)
            kept = await away.database.read(keys.by_uri, f"{marta.actor.uri}#main-key")
            made = await backed_up(home, tmp_path / "backups", watch)
        backup.restore(made.folder, tmp_path / "restored")
        async with again(home, tmp_path / "restored", internet, watch) as restored:
            watch.advance(timedelta(days=1))
            await restored.people["marta"].say("After.")
            await settle(restored, away)
            heard = [status["content"] for status in await ines.home()]
            assert heard == ["<p>After.</p>", "<p>Before.</p>"]
            assert await away.database.read(keys.by_uri, f"{marta.actor.uri}#main-key") == kept
            await ines.say("@marta@home.example I read it.")
            await settle(restored, away)
            assert ("mention", ines.handle[1:]) in await restored.people["marta"].notified()


async def test_media_cost_no_room_and_are_the_backups_own(
    place: Place, tmp_path: Path, watch: Watch
) -> None:
    name = (await place.app[MEDIA].ingest(PICTURE, "avatar")).file
    source = place.app[MEDIA].path_of(name)
    assert source
    half = source.with_name(".half.png.part")
    half.write_bytes(b"half")
    made = await backed_up(place, tmp_path / "backups", watch)
    kept = made.folder / source.relative_to(place.app_folder)
    assert kept.samefile(source)
    data = source.read_bytes()
    place.app[MEDIA].remove(name)
    assert kept.read_bytes() == data
    backup.restore(made.folder, tmp_path / "restored")
    restored = tmp_path / "restored" / source.relative_to(place.app_folder)
    assert restored.read_bytes() == data
    assert not restored.samefile(kept)
    names = {
        one["name"] for one in json.loads((made.folder / "manifest.json").read_text())["files"]
    }
    assert names == {DATABASE_FILE, str(source.relative_to(place.app_folder))}
    for root in (made.folder, tmp_path / "restored"):
        for path in (root, *root.rglob("*")):
            wanted = 0o700 if path.is_dir() else 0o600
            assert stat.S_IMODE(path.stat().st_mode) == wanted, path


async def test_media_on_another_disk_are_copied(
    place: Place, tmp_path: Path, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = (await place.app[MEDIA].ingest(PICTURE, "avatar")).file
    source = place.app[MEDIA].path_of(name)
    assert source

    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    made = await backed_up(place, tmp_path / "backups", watch)
    kept = made.folder / source.relative_to(place.app_folder)
    assert kept.read_bytes() == source.read_bytes()
    assert not kept.samefile(source)


async def test_backup_cut_off_anywhere_is_whole_or_not_there(
    place: Place, tmp_path: Path, watch: Watch
) -> None:
    for number in range(300):
        path = place.app_folder / "media" / f"{number % 7:02x}" / "00" / f"{number:032x}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(PICTURE)
    await place.person("marta")
    cut, whole, to = 0, 0, tmp_path / "backups"
    begun = perf_counter()
    await backed_up(place, to, watch)
    step = (perf_counter() - begun) / 40  # of the time that one takes on this machine, now
    while whole < 3:
        watch.advance(timedelta(seconds=1))
        making = asyncio.create_task(backed_up(place, to, watch))
        await asyncio.wait({making}, timeout=cut * step)
        making.cancel()
        with suppress(asyncio.CancelledError):
            await making
        cut += 1
        whole += not making.cancelled()
        assert not list(to.glob(".*"))
    folders = list(to.iterdir())
    for folder in folders:
        backup.restore(folder, tmp_path / "restored" / folder.name)
    print(f"cut off {cut} times; {len(folders)} whole backups, each could be restored")
    assert len(folders) >= 3


async def test_leftovers_of_a_killed_backup_go_with_the_next(
    place: Place, tmp_path: Path, watch: Watch
) -> None:
    to = tmp_path / "backups"
    old, fresh = to / ".kith-20200101-000000.part", to / ".kith-20261124-075959.part"
    for folder, age in ((old, timedelta(days=2)), (fresh, timedelta(minutes=1))):
        (folder / "media").mkdir(parents=True)
        moment = (watch() - age).timestamp()
        os.utime(folder, (moment, moment))
    made = await backed_up(place, to, watch)
    assert set(to.iterdir()) == {made.folder, fresh}
    with pytest.raises(BackupFailed, match="this very second"):
        await backed_up(place, to, watch)
    assert set(to.iterdir()) == {made.folder, fresh}


def kith(
    environ: dict[str, str], *arguments: str, cwd: Path = ROOT, largest: int | None = None
) -> "subprocess.CompletedProcess[str]":
    """Run a command; `largest` is how many bytes any file may have, as on a full disk."""

    def limit() -> None:
        if largest is not None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    return subprocess.run(
        [*KITH, *arguments],
        env={**environ, "PYTHONPATH": str(ROOT)},
        cwd=cwd,
        capture_output=True,
        text=True,
        timeout=HANGS,
        check=False,
        preexec_fn=limit,
    )


def test_disk_without_room_leaves_nothing_half(tmp_path: Path) -> None:
    environ = environment(tmp_path / "data", free_port())
    create = ("account", "create", "ines", "--email", "i@post.example", "--password", PASSWORD)
    assert kith(environ, *create).returncode == 0
    to, largest = tmp_path / "backups", 128 * 1024
    done = kith(environ, "backup", "--to", str(to), largest=largest)
    assert done.returncode == 1
    assert done.stderr.startswith("kith: The database could not be copied: ")
    assert list(to.iterdir()) == []
    made = json.loads(kith(environ, "backup", "--to", str(to), "--json").stdout)
    fresh = environ | {"KITH_DATA_DIR": str(tmp_path / "restored")}
    done = kith(fresh, "restore", made["backup"], largest=largest)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert list((tmp_path / "restored").iterdir()) == []
    assert kith(fresh, "restore", made["backup"]).returncode == 0
    assert "ines" in kith(fresh, "account", "list").stdout


def test_backup_goes_where_its_caller_means_and_takes_the_settings_along(tmp_path: Path) -> None:
    elsewhere = tmp_path / "etc" / "kith.toml"
    elsewhere.parent.mkdir()
    elsewhere.write_text('title = "The Garden"\n')
    site = tmp_path / "here"
    site.mkdir()
    port = free_port()
    environ = environment(tmp_path / "data", port) | {"KITH_CONFIG": str(elsewhere)}
    (site / "a file").touch()
    with subprocess.Popen([*KITH, "serve"], env=environ, stdout=subprocess.DEVNULL) as process:
        try:
            wait_until_healthy(f"http://localhost:{port}", process)
            done = kith(environ, "backup", "--to", "mine", "--json", cwd=site)
            refused = kith(environ, "backup", "--to", "a file", cwd=site)
        finally:
            process.terminate()
    assert done.returncode == 0, done.stderr
    folder = Path(json.loads(done.stdout)["backup"])
    assert refused.stderr == "kith: The backup could not be written: File exists.\n"
    assert folder.parent == site / "mine"
    assert (folder / "kith.toml").read_text() == elsewhere.read_text()
