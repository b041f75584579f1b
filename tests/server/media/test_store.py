"""Files taken in, kept, found and served (SECURITY 30, 59, 61, 62; RELIABILITY, disk full)."""

import asyncio
import contextlib
import json
import os
import re
import resource
import signal
import stat
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer
from PIL import Image
from yarl import URL

from server.http.app_keys import DATABASE
from server.http.errors import Refused
from server.media import store
from server.media.store import (
    FULL,
    MEDIA,
    TOO_SLOW,
    Guard,
    Ingested,
    MediaFolder,
    Purpose,
    remove_strays,
    serve,
)
from storage.media import attachments as rows
from storage.media.attachments import Media
from tests.server.media.test_processing import corners, decoded, encoded, files_in
from tests.support.clock import Watch
from tests.support.servers import Client, Place

MIB = 1 << 20
PICTURE = encoded(corners(), "PNG")
ACCEPTED = (
    "",
    "*/*",
    "image/avif,image/webp,*/*;q=0.8",
    "text/html",
    "application/activity+json",
    'application/ld+json; profile="https://www.w3.org/ns/activitystreams"',
    "application/xhtml+xml,application/xml",
    "image/svg+xml",
    "application/javascript",
)


@pytest.fixture
def folder(tmp_path: Path) -> MediaFolder:
    return MediaFolder(tmp_path / "media", 16 * MIB)


def _children() -> set[int]:
    """The processes that this one has started and not yet seen off; its main thread starts all."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text()
    return {int(number) for number in children.split()}


async def _refusal(folder: MediaFolder, data: bytes = PICTURE) -> Refused:
    with pytest.raises(Refused) as caught:
        await folder.ingest(data, "avatar")
    assert files_in(folder) == []
    return caught.value


# ---- taking in ----


async def test_picture_is_kept_under_a_random_name_for_us_alone(folder: MediaFolder) -> None:
    kept = [await folder.ingest(PICTURE, "avatar") for _ in range(2)]
    assert kept[0].file != kept[1].file
    for one in kept:
        assert re.fullmatch(r"[0-9a-f]{32}\.png", one.file)
        path = folder.root / one.file[:2] / one.file[2:4] / one.file
        assert folder.path_of(one.file) == path
        assert one == Ingested(one.file, "image/png", path.stat().st_size, 400, 400)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        for parent in (path.parent, path.parent.parent, folder.root):
            assert stat.S_IMODE(parent.stat().st_mode) == 0o700
    assert len(files_in(folder)) == 2, "and nothing beside them"
    folder.remove(kept[0].file)
    folder.remove(kept[0].file)
    assert folder.path_of(kept[0].file) is None and folder.path_of(kept[1].file)


async def test_avatars_and_headers_have_their_sizes(folder: MediaFolder) -> None:
    jpeg = encoded(corners(3000, 2000), "JPEG")
    sizes: dict[Purpose, tuple[int, int]] = {"avatar": (400, 400), "header": (1500, 500)}
    for purpose, size in sizes.items():
        kept = await folder.ingest(jpeg, purpose)
        assert (kept.mime, kept.width, kept.height) == ("image/jpeg", *size)
        assert decoded(folder.read(kept.file) or b"").size == size


async def test_file_that_is_too_large_is_refused_with_its_size(tmp_path: Path) -> None:
    folder = MediaFolder(tmp_path / "media", 16 * MIB)
    refused = await _refusal(folder, PICTURE + bytes(48 * MIB - len(PICTURE)))
    assert (refused.status, refused.sentence) == (
        413,
        "This picture is 48 MB; we can take up to 16.",
    )
    assert (
        "is 17 MB; we can take up to 16." in (await _refusal(folder, bytes(16 * MIB + 1))).sentence
    )
    small = MediaFolder(tmp_path / "small", 64 << 10)
    assert (await _refusal(small, bytes(100_000))).sentence.startswith("This picture is 98 kB")
    fits = PICTURE + bytes((64 << 10) - len(PICTURE))
    assert (await small.ingest(fits, "avatar")).width == 400


async def test_worker_that_takes_too_long_is_killed(tmp_path: Path) -> None:
    folder = MediaFolder(tmp_path, 16 * MIB, Guard(patience=0.05))
    before = _children()
    refused = await _refusal(folder, encoded(Image.new("RGB", (7000, 5000)), "PNG"))
    assert (refused.status, refused.sentence) == (503, TOO_SLOW)
    assert _children() == before


async def test_leaving_client_takes_the_worker_along(folder: MediaFolder) -> None:
    before = _children()
    task = asyncio.create_task(folder.ingest(PICTURE, "avatar"))
    while _children() == before:
        await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert _children() == before and files_in(folder) == []


async def test_workers_are_two_at_once_and_not_endlessly_many_wait(tmp_path: Path) -> None:
    folder = MediaFolder(tmp_path, 16 * MIB, Guard(waiting=3))
    before, most = _children(), 0
    tasks = [asyncio.create_task(folder.ingest(PICTURE, "avatar")) for _ in range(7)]
    while not all(task.done() for task in tasks):
        most = max(most, len(_children() - before))
        await asyncio.sleep(0)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    refused = [one for one in results if isinstance(one, Refused)]
    assert most == 2
    assert [one.status for one in refused] == [503, 503] and "Retry-After" in refused[0].headers
    assert len(files_in(folder)) == 5
    assert (await folder.ingest(PICTURE, "avatar")).width == 400, "it recovers by itself"


async def test_member_leaves_a_worker_to_others(tmp_path: Path) -> None:
    """However many pictures somebody sends: those of others go past them, and theirs are few."""
    folder, done = MediaFolder(tmp_path, 16 * MIB, Guard(waiting=16)), list[str]()

    async def send(who: str) -> None:
        await folder.ingest(PICTURE, "avatar", who)
        done.append(who)

    greedy = [asyncio.create_task(send("member 1")) for _ in range(30)]
    async with asyncio.timeout(20):
        while folder.places.in_use + folder.places.in_queue < 5:
            await asyncio.sleep(0)
        assert folder.places.in_use == 1
        other = asyncio.create_task(send("member 2"))
        while folder.places.in_use < 2:
            await asyncio.sleep(0)
    await other
    results = await asyncio.gather(*greedy, return_exceptions=True)
    refused = [one for one in results if isinstance(one, Refused)]
    assert (len(refused), {one.status for one in refused}) == (25, {503})
    assert folder.places.in_use == folder.places.in_queue == 0


def _answer(format_: str, data: str) -> str:
    return json.dumps({"format": format_, "width": 1, "height": 1}) + "\n" + data


async def test_worker_that_dies_or_lies_is_a_refusal(
    folder: MediaFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the real worker could do once somebody had taken it over."""
    stories: dict[str, int] = {
        "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)": 422,
        "import os, signal; os.kill(os.getpid(), signal.SIGKILL)": 422,
        "raise SystemExit(3)": 503,
        "import os\nwhile True: os.write(1, bytes(1 << 20))": 422,
    }
    for said in ("no answer", "7", '{"refused": []}', _answer("PNG", "<script>")):
        stories[f"print({said!r})"] = 422
    for format_, data in (("SVG", "<svg/>"), ("GIF", "GIF89a"), ("../../x", "")):
        stories[f"print({_answer(format_, data)!r})"] = 422
    for code, status in stories.items():
        command = (sys.executable, "-I", "-c", code)
        monkeypatch.setattr(store, "WORKER", command)
        refused = await _refusal(folder)
        assert refused.status == status, code
    monkeypatch.setattr(store, "WORKER", ("/nowhere/python",))
    assert (await _refusal(folder)).status == 503


# ---- the disk ----


async def test_almost_full_disk_takes_no_pictures(tmp_path: Path) -> None:
    refused = await _refusal(MediaFolder(tmp_path, 16 * MIB, Guard(least_free=1.0)))
    assert (refused.status, refused.sentence) == (507, FULL)


@contextlib.contextmanager
def _no_file_above(size: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


async def test_write_that_fails_halfway_leaves_nothing(folder: MediaFolder) -> None:
    with _no_file_above(200):
        refused = await _refusal(folder)
    assert (refused.status, refused.sentence) == (507, FULL)
    assert (await folder.ingest(PICTURE, "avatar")).width == 400, "it recovers by itself"


@contextlib.contextmanager
def _disk_of(pages: int, at: Path) -> Iterator[None]:
    at.mkdir()
    size = pages * os.sysconf("SC_PAGESIZE")
    if os.system(f"mount -t tmpfs -o size={size} tmpfs '{at}' 2>/dev/null"):  # noqa: S605
        pytest.skip("a small disk can be mounted by root only")
    try:
        yield
    finally:
        os.system(f"umount '{at}'")  # noqa: S605


async def test_disk_without_room_gives_507_and_reading_goes_on(tmp_path: Path) -> None:
    with _disk_of(64, tmp_path / "disk"):
        folder = MediaFolder(tmp_path / "disk" / "media", 16 * MIB, Guard(least_free=0))
        kept = await folder.ingest(PICTURE, "avatar")
        ballast = tmp_path / "disk" / "ballast"
        with contextlib.suppress(OSError), ballast.open("wb", buffering=0) as out:
            while True:
                out.write(bytes(4096))
        with pytest.raises(Refused) as refused:
            await folder.ingest(PICTURE, "header")
        assert refused.value.status == 507
        assert [path.name for path in files_in(folder)] == [kept.file]
        assert decoded(folder.read(kept.file) or b"").size == (400, 400)
        ballast.unlink()
        assert (await folder.ingest(PICTURE, "header")).width == 1500


# ---- names ----

NAME = "0123456789abcdef" * 2
STRANGE_NAMES = (
    "",
    ".",
    "..",
    "/",
    "../../../etc/passwd",
    "..%2f..%2fetc%2fpasswd",
    f"../{NAME}.png",
    f"/{NAME}.png",
    f"01/23/{NAME}.png",
    f"{NAME}.png/",
    f"{NAME}.png/..",
    f"{NAME}.png\0",
    f"{NAME}.png\n",
    f"\0{NAME}.png",
    f"{NAME}.png\0.jpg",
    f"{NAME}.png.html",
    f"{NAME}.svg",
    f"{NAME}.html",
    f"{NAME}.PNG",
    f"{NAME.upper()}.png",
    f"{NAME[:-1]}.png",
    f"{NAME}0.png",
    f".{NAME}.png.part",
    NAME,
    f"{NAME[:-1]}\N{FULLWIDTH DIGIT ONE}.png",
    f"{NAME[:-1]}\N{ARABIC-INDIC DIGIT ONE}.png",
    f"..\\..\\{NAME}.png",
    f"~/{NAME}.png",
    "a" * 5000,
)


async def test_strange_names_lead_nowhere(folder: MediaFolder) -> None:
    for place in (folder.root / "01" / "23", folder.root):
        place.mkdir(parents=True, exist_ok=True)
        for ending in (".png", ".svg", ".html", ".PNG", ""):
            (place / f"{NAME}{ending}").write_bytes(PICTURE)
    assert folder.path_of(f"{NAME}.png") == folder.root / "01" / "23" / f"{NAME}.png"
    for name in STRANGE_NAMES:
        assert folder.path_of(name) is None and folder.read(name) is None, name
        folder.remove(name)
    assert len(files_in(folder)) == 10
    print(f"names: {len(STRANGE_NAMES)} cells")


async def test_links_are_not_followed(folder: MediaFolder, tmp_path: Path) -> None:
    secret = tmp_path / f"{NAME}.png"
    secret.write_bytes(PICTURE)
    (folder.root / "01" / "23").mkdir(parents=True)
    link = folder.root / "01" / "23" / f"{NAME}.png"
    link.symlink_to(secret)
    assert folder.path_of(link.name) is None
    folder.remove(link.name)
    other = f"fedc{NAME[4:]}.png"
    (tmp_path / other).write_bytes(PICTURE)
    (folder.root / "fe").mkdir()
    (folder.root / "fe" / "dc").symlink_to(tmp_path)
    assert folder.path_of(other) is None
    folder.remove(other)
    assert secret.exists() and (tmp_path / other).exists()


# ---- serving ----


@pytest.fixture
async def client(place: Place, folder: MediaFolder) -> AsyncIterator[Client]:
    app = web.Application()
    app[DATABASE], app[MEDIA] = place.database, folder
    app.router.add_get("/media/{name}", serve)
    async with TestClient(TestServer(app, host="127.0.0.1")) as made:
        yield made


async def _belongs(place: Place, kept: Ingested, purpose: rows.Purpose = "avatar") -> None:
    """Give a file its row."""
    owner = place.people.get("bep") or await place.person("bep")
    about = (kept.file, kept.mime, kept.bytes, kept.width, kept.height)

    def unit(writer: Any) -> None:
        rows.add(writer, Media(writer.new_id(), owner.actor.id, purpose, *about))

    await place.database.write(unit)


async def test_picture_is_served_as_a_picture_whatever_is_accepted(
    place: Place, folder: MediaFolder, client: Client
) -> None:
    for format_, type_ in (("PNG", "image/png"), ("JPEG", "image/jpeg")):
        kept = await folder.ingest(encoded(corners(), format_), "header")
        await _belongs(place, kept, "header")
        for accepted in ACCEPTED:
            async with client.get(f"/media/{kept.file}", headers={"Accept": accepted}) as answer:
                assert (answer.status, await answer.read()) == (200, folder.read(kept.file))
                assert {
                    "Content-Type": type_,
                    "X-Content-Type-Options": "nosniff",
                    "Content-Security-Policy": "sandbox; default-src 'none'",
                    "Content-Disposition": f'inline; filename="{kept.file}"',
                    "Cache-Control": "public, max-age=31536000, immutable",
                    "Access-Control-Allow-Origin": "*",
                }.items() <= dict(answer.headers).items(), accepted
        async with client.head(f"/media/{kept.file}") as answer:
            assert (answer.status, answer.content_length) == (200, kept.bytes)
    print(f"served: {2 * len(ACCEPTED)} cells")


async def test_address_of_anything_else_is_404_in_json(
    place: Place, folder: MediaFolder, client: Client
) -> None:
    without_row = await folder.ingest(PICTURE, "avatar")
    gone, on_a_post, replaced, misnamed = [await folder.ingest(PICTURE, "avatar") for _ in range(4)]
    for kept in (gone, replaced, misnamed):
        await _belongs(place, kept)
    await _belongs(place, on_a_post, "attachment")
    folder.remove(gone.file)
    for kept, content in (
        (replaced, b"<script>alert(1)</script>"),
        (misnamed, b"\xff\xd8\xff\xe0"),
    ):
        path = folder.path_of(kept.file)
        assert path
        path.write_bytes(content)
    names = [one.file for one in (without_row, gone, on_a_post, replaced, misnamed)]
    cells = 0
    for name in (*names, f"{NAME}.png", *STRANGE_NAMES):
        url = URL(f"/media/{quote(name, safe='%')}", encoded=True)
        for accepted in ("text/html", "application/activity+json"):
            async with client.get(url, headers={"Accept": accepted}) as answer:
                assert answer.status == 404, name
                assert answer.content_type in ("application/json", "text/plain"), name
                if answer.content_type == "application/json":  # it came as far as our handler
                    assert answer.headers["X-Content-Type-Options"] == "nosniff"
                    cells += 1
    async with client.get(f"/media/{gone.file}", headers={"Accept": "text/html"}) as answer:
        assert await answer.json() == {"error": "Record not found"}
    assert cells >= 50
    print(f"404 in JSON: {cells} cells")


# ---- strays ----


async def test_files_without_a_row_go_after_half_a_day(
    place: Place, folder: MediaFolder, watch: Watch
) -> None:
    kept, stray, new = [await folder.ingest(PICTURE, "avatar") for _ in range(3)]
    await _belongs(place, kept)
    torn = folder.root / stray.file[:2] / f".{NAME}.png.part"  # left by a crash, in an odd place
    torn = torn.parent / stray.file[2:4] / torn.name
    torn.write_bytes(b"half")
    paths = {one.file: folder.path_of(one.file) for one in (kept, stray, new)}
    for path in (paths[kept.file], paths[stray.file], torn):
        assert path
        os.utime(path, (watch.now.timestamp(),) * 2)
    fresh = paths[new.file]
    assert fresh
    os.utime(fresh, ((watch.now + timedelta(hours=5)).timestamp(),) * 2)
    watch.advance(timedelta(hours=11))
    assert await remove_strays(folder, place.database, watch.now) == 0
    watch.advance(timedelta(hours=2))
    assert await remove_strays(folder, place.database, watch.now) == 2
    assert sorted(path.name for path in files_in(folder)) == sorted((kept.file, new.file))


def test_killed_worker_has_a_sentence() -> None:
    for number, reason in ((signal.SIGXCPU, "time"), (signal.SIGKILL, "memory")):
        with pytest.raises(Refused) as refused:
            store._understood(-number, b"")
        assert refused.value.sentence == store.REASONS[reason]


def test_programs_beside_the_worker_are_never_started() -> None:
    """SECURITY 63: no ffmpeg, no exiftool, no shell; the worker is Python itself, isolated."""
    root = Path(store.__file__).parents[2]
    sources = {
        str(path.relative_to(root)): path.read_text()
        for package in ("server", "federation", "storage")
        for path in (root / package).rglob("*.py")
    }
    ways = re.compile(
        r"create_subprocess|import subprocess|Popen\(|processes\.start"
        r"|os\.(?:system|popen|exec|spawn|fork)"
    )
    starting = {path: ways.findall(text) for path, text in sources.items()}
    assert {name: found for name, found in starting.items() if found} == {
        "server/demo/run.py": ["create_subprocess"] * 2,  # the demo starts two servers of ours
        "federation/vocabulary/processes.py": ["Popen("],
        "server/media/store.py": ["processes.start"],
        "federation/vocabulary/reading.py": ["processes.start"],  # strange contexts
    }
    assert (sys.executable, "-I", "-m", "server.media.worker") == store.WORKER
    assert not [path for path, text in sources.items() if re.search("ffmpeg|exiftool", text)]
