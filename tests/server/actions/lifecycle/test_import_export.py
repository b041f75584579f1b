"""What is yours, as files: taken along, brought, and nobody else's business."""

import io
import json
import re
import zipfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from server.actions.lifecycle import account_deletion, data_export, data_import
from server.actions.lifecycle.data_export import Places
from server.actions.lifecycle.data_import import CannotImport
from server.media.store import MEDIA
from server.services import SERVICES
from storage.lifecycle import exports, imports
from storage.lifecycle.imports import ImportKind, Mode
from tests.server.api.test_media_attachments import sent
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Person, Place, serving, settle
from tests.support.tabs import Tab

Two = tuple[Place, Place]


@pytest.fixture
async def two(tmp_path: Path, watch: Watch) -> AsyncIterator[Two]:
    internet = Internet()
    async with AsyncExitStack() as stack:
        home, away = [
            await stack.enter_async_context(
                serving(tmp_path / name, f"{name}.example", internet, watch)
            )
            for name in ("home", "away")
        ]
        yield home, away


async def table(person: Person, kind: str) -> str:
    data: bytes = await person.place.database.read(data_export.table, person.actor.id, kind)
    return data.decode()


async def bring(person: Person, kind: ImportKind, text: str, mode: Mode = "merge") -> int:
    lines = data_import.read(text.encode())
    database = person.place.database
    id_: int = await database.write(data_import.begin, person.actor, kind, mode, lines)
    while await data_import.import_next(person.place.app[SERVICES]):
        pass
    return id_


HOW = {"reblogs": False, "notify": True, "languages": ["en", "pt-BR"]}


async def test_exported_files_are_the_same_where_they_are_imported(two: Two) -> None:
    home, away = two
    alice, bob, eve = [await home.person(name) for name in ("alice", "bob", "eve")]
    rose = await away.person("rose")
    await alice.follow(rose)
    await settle(home, away)
    await alice.post(f"/api/v1/accounts/{bob.id}/follow", **HOW)
    await alice.post(f"/api/v1/accounts/{eve.id}/mute", notifications=False)
    said = await bob.say("Keep this.")
    await alice.post(f"/api/v1/statuses/{said['id']}/bookmark")
    made = await alice.post("/api/v1/lists", title="=Neighbours")
    await alice.post(f"/api/v1/lists/{made['id']}/accounts", account_ids=[bob.id])
    await alice.post("/api/v1/domain_blocks", domain="noise.example")
    carol = await away.person("carol")
    kinds: tuple[ImportKind, ...] = ("follows", "mutes", "bookmarks", "lists", "domain_blocks")
    for kind in kinds:
        id_ = await bring(carol, kind, await table(alice, kind))
        counted = await away.database.read(imports.by_id, id_)
        assert counted and (counted.due, counted.failed) == (0, 0), kind
        assert counted.closed_at is not None
    await settle(home, away)
    for kind in kinds:
        assert sorted((await table(carol, kind)).splitlines()) == sorted(
            (await table(alice, kind)).splitlines()
        ), kind
    await alice.post(f"/api/v1/accounts/{eve.id}/unmute")
    await alice.post(f"/api/v1/accounts/{eve.id}/block")
    await bring(carol, "blocks", await table(alice, "blocks"))
    assert await table(carol, "blocks") == "eve@home.example\r\n"


async def test_file_may_replace_what_is_there(two: Two) -> None:
    home, _ = two
    alice, bob, eve = [await home.person(name) for name in ("alice", "bob", "eve")]
    await alice.follow(bob)
    await bring(alice, "follows", "Account address\neve@home.example\n", "overwrite")
    assert [line.split(",")[0] for line in (await table(alice, "follows")).splitlines()[1:]] == [
        "eve@home.example"
    ]
    await alice.post(f"/api/v1/accounts/{bob.id}/block")
    await bring(alice, "blocks", f"{eve.handle}\n", "overwrite")
    assert await table(alice, "blocks") == "eve@home.example\r\n"


@pytest.mark.parametrize("heading", ["#domain", "#domain,#severity", "#Domain, #severity,#reason"])
async def test_heading_of_a_list_of_servers_is_no_line(two: Two, heading: str) -> None:
    home, _ = two
    alice = await home.person("alice")
    await alice.post("/api/v1/domain_blocks", domain="noise.example")
    await bring(alice, "domain_blocks", f"{heading}\nbad.example,suspend\n", "overwrite")
    assert (await table(alice, "domain_blocks")).split() == ["bad.example"]


async def test_list_whose_name_begins_with_a_hash_is_no_heading(two: Two) -> None:
    home, _ = two
    alice, bob = await home.person("alice"), await home.person("bob")
    await alice.follow(bob)
    await bring(alice, "lists", "#friends,bob\n", "overwrite")
    assert "friends" in await table(alice, "lists")


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("follows", "https://home.example/posts/1"),
        ("follows", "eve@home.example\nnot a handle at all"),
        ("bookmarks", "eve@home.example"),
        ("lists", "eve@home.example"),
        ("domain_blocks", "https://noise.example/x"),
    ],
)
async def test_file_of_another_kind_replaces_nothing(two: Two, kind: ImportKind, text: str) -> None:
    home, _ = two
    alice, bob = await home.person("alice"), await home.person("bob")
    await alice.follow(bob)
    said = await bob.say("Keep this.")
    await alice.post(f"/api/v1/statuses/{said['id']}/bookmark")
    made = await alice.post("/api/v1/lists", title="L")
    await alice.post(f"/api/v1/lists/{made['id']}/accounts", account_ids=[bob.id])
    await alice.post("/api/v1/domain_blocks", domain="noise.example")
    before = await table(alice, kind)
    with pytest.raises(CannotImport, match="nothing was replaced"):
        await bring(alice, kind, text, "overwrite")
    assert await table(alice, kind) == before


async def test_list_is_replaced_by_title_and_a_bare_name_is_ours(two: Two) -> None:
    home, _ = two
    alice, bob = await home.person("alice"), await home.person("bob")
    await alice.follow(bob)
    for title in ("One", "Two"):
        made = await alice.post("/api/v1/lists", title=title)
        await alice.post(f"/api/v1/lists/{made['id']}/accounts", account_ids=[bob.id])
    await bring(alice, "lists", "One,bob", "overwrite")
    assert await table(alice, "lists") == "One,bob@home.example\r\n"
    await bring(alice, "follows", "bob", "overwrite")
    assert "bob@home.example" in await table(alice, "follows")


async def test_files_take_turns_and_a_silent_server_is_asked_twice(two: Two) -> None:
    home, _ = two
    alice, bob = await home.person("alice"), await home.person("bob")
    long = data_import.read(b"\n".join(f"x{n}@gone.example".encode() for n in range(9)))
    short = data_import.read(b"alice@home.example")
    write = home.database.write
    first = await write(data_import.begin, alice.actor, "follows", "merge", long)
    second = await write(data_import.begin, bob.actor, "follows", "merge", short)
    for _ in range(4):
        await data_import.import_next(home.app[SERVICES])
    counted = await home.database.read(imports.by_id, second)
    assert counted and (counted.due, counted.done) == (0, 1)
    while await data_import.import_next(home.app[SERVICES]):
        pass
    found = await home.database.read(imports.failed_lines, alice.actor.id, first)
    assert [one.reason for one in found] == ["unreachable"] * 9


async def test_failed_lines_say_why(two: Two) -> None:
    home, _ = two
    alice, bob = await home.person("alice"), await home.person("bob")
    await bob.post(f"/api/v1/accounts/{alice.id}/block")
    lines = "bob@home.example\nnobody@away.example\nx@gone.example\nnonsense\n"
    id_ = await bring(alice, "follows", lines)
    found = await home.database.read(imports.failed_lines, alice.actor.id, id_)
    assert [(line.cells[0], line.reason) for line in found] == [
        ("bob@home.example", "not allowed"),
        ("nobody@away.example", "not found"),
        ("x@gone.example", "unreachable"),
        ("nonsense", "not found"),
    ]
    assert await home.database.read(imports.failed_lines, bob.actor.id, id_) == []


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-1", "@sum", "\tx", "\rx"])
def test_cells_are_no_formulas(cell: str) -> None:
    data = data_export.write_csv([(cell, "plain")])
    assert data.startswith((b"'", b"\"'"))
    ((read, _),) = data_import.read(data)
    assert read == cell.strip()


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\n\n",
        b"\xff\xfe\x00",
        b'"open',
        b"Account address\n",
        b"x@y.example\n" * (data_import.MOST_LINES + 1),
        b"\x00" * 1000,
    ],
)
def test_file_that_is_no_list_is_refused_with_a_sentence(data: bytes) -> None:
    with pytest.raises(CannotImport, match=r"Nothing was changed\.$"):
        data_import.read(data)


async def archive_of(person: Person) -> tuple[int, Places]:
    place = person.place
    id_: int = await place.database.write(data_export.ask, person.actor.id)
    places = Places(place.app_folder / "exports", place.app[MEDIA].path_of, "http://m")
    assert await data_export.make_next(place.database, places)
    assert not await data_export.make_next(place.database, places)
    return id_, places


async def test_archive_holds_all_they_said_and_nobody_elses(two: Two) -> None:
    home, _ = two
    alice, bob = await home.person("alice"), await home.person("bob")
    for number in range(120):
        await alice.say(f"Number {number}.", visibility=("public", "direct")[number % 2])
    for visibility in ("public", "direct"):
        made = await sent(alice, description=visibility)
        await alice.say(visibility, visibility=visibility, media_ids=[made["id"]])
    other = await bob.say("Mine.")
    await alice.post(f"/api/v1/statuses/{other['id']}/reblog")
    id_, places = await archive_of(alice)
    found = await home.database.read(exports.by_id, alice.actor.id, id_)
    assert found and found.file and found.bytes
    assert await home.database.read(exports.by_id, bob.actor.id, id_) is None
    path = places.exports / found.file
    assert path.stat().st_mode & 0o777 == 0o600
    with zipfile.ZipFile(io.BytesIO(path.read_bytes())) as archive:
        outbox = json.loads(archive.read("outbox.json"))
        actor = json.loads(archive.read("actor.json"))
        names = set(archive.namelist())
    assert actor["id"] == alice.actor.uri
    assert "private" not in json.dumps(actor).lower()
    assert outbox["totalItems"] == 123
    shown = [one["object"].get("attachment", []) for one in outbox["orderedItems"][1:3]]
    urls = [one["url"] for listed in shown for one in listed]
    assert len(urls) == 2 and set(urls) <= names
    verbs = [one["type"] for one in outbox["orderedItems"]]
    assert (verbs.count("Create"), verbs.count("Announce")) == (122, 1)
    assert {name for name, _ in data_export.FILES.values()} <= names


async def test_archive_is_made_once_a_day_and_the_new_one_takes_its_place(
    two: Two, watch: Watch
) -> None:
    alice = await two[0].person("alice")
    first, places = await archive_of(alice)
    assert await two[0].database.write(data_export.ask, alice.actor.id) == first
    assert not await data_export.make_next(two[0].database, places)
    watch.advance(data_export.ONCE_IN)
    second, _ = await archive_of(alice)
    assert second != first
    assert await two[0].database.read(exports.by_id, alice.actor.id, first) is None
    assert len(list(places.exports.iterdir())) == 1


async def test_deleted_account_leaves_no_archive(two: Two) -> None:
    alice = await two[0].person("alice")
    _, places = await archive_of(alice)
    await two[0].database.write(account_deletion.leave, alice.actor)
    await data_export.remove_old(two[0].database, places.exports)
    assert list(places.exports.iterdir()) == []


async def test_archive_is_gone_after_a_week(two: Two, watch: Watch) -> None:
    home, _ = two
    alice = await home.person("alice")
    id_, places = await archive_of(alice)
    await data_export.remove_old(home.database, places.exports)
    assert len(list(places.exports.iterdir())) == 1
    watch.advance(exports.LASTS)
    assert await home.database.read(exports.by_id, alice.actor.id, id_) is None
    await data_export.remove_old(home.database, places.exports)
    assert list(places.exports.iterdir()) == []


async def test_page_brings_and_hands_out_only_ones_own(two: Two) -> None:
    home, _ = two
    alice, bob = await home.person("alice"), await home.person("bob")
    hers, his = await Tab.of(alice), await Tab.of(bob)
    page = await hers.open("/settings/data")
    for word in ("Whom you follow", "Put it together", "Bring it"):
        assert word in page
    assert await hers.send("/settings/data/archive") == 303
    assert "It is being put together." in await hers.open("/settings/data")
    places = Places(home.app_folder / "exports", home.app[MEDIA].path_of, "http://m")
    assert await data_export.make_next(home.database, places)
    (url,) = re.findall(r"/settings/data/archive/[0-9]+", await hers.open("/settings/data"))
    async with home.client.get(url, headers=hers.cookie) as answer:
        assert (answer.status, answer.content_type) == (200, "application/zip")
        assert zipfile.is_zipfile(io.BytesIO(await answer.read()))
    for other in (his.cookie, {}):
        async with home.client.get(url, headers=other, allow_redirects=False) as answer:
            assert answer.status == (404 if other else 303)
    file: dict[str, str | bytes] = {
        "kind": "follows",
        "mode": "merge",
        "file": b"bob@home.example\nnobody@home.example",
    }
    assert await hers.send("/settings/data/imports", **file) == 303
    while await data_import.import_next(home.app[SERVICES]):
        pass
    page = await hers.open("/settings/data")
    assert "Done: 1. To go: 0. Not possible: 1." in page
    (url,) = re.findall(r"/settings/data/imports/[0-9]+/failed.csv", page)
    async with home.client.get(url, headers=hers.cookie) as answer:
        assert "We found nothing under this address." in await answer.text()
    async with home.client.get(url, headers=his.cookie) as answer:
        assert answer.status == 404
    for wrong in (b"", b"\xff\xfe", b"x" * (data_import.MOST_BYTES + 1)):
        assert await hers.send("/settings/data/imports", **{**file, "file": wrong}) == 422
    assert await hers.send("/settings/data/imports", **{**file, "kind": "secrets"}) == 404
    async with home.client.get("/settings/data/secrets.csv", headers=hers.cookie) as answer:
        assert answer.status == 404
