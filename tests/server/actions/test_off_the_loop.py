"""Bodies within their limit never keep the loop for long (SECURITY 93): where the work is done."""

import subprocess
import sys
import threading
from typing import Any

import pytest

from server.actions.lifecycle import data_import
from server.actions.lifecycle.data_import import LONGEST_LINE, MOST_CELLS, MOST_LINES, CannotImport
from server.actions.posts.markup import MOST_IN_PLACE
from server.entities import status as status_entity
from storage.engine.ids import PostId
from storage.posts import visible_posts
from storage.posts.visibility import Member
from tests.server.api.test_media_attachments import sent
from tests.server.api.test_threads import chain
from tests.server.media.test_processing import corners, encoded
from tests.support.servers import Place
from tests.support.tabs import Tab

MB = 1 << 20
LONG = "#a " * 20_000


@pytest.mark.parametrize(
    "data",
    [
        b"," * MB,
        b"\n" * MB,
        b",\n" * (MB // 2),
        b"x\n" * (MB // 2),
        b"a" * MB,
        b'"' * MB,
        b'"' + b"\n" * (MB - 2) + b'"',
        b'"\n",' * (MB // 4),
        b"a," * LONGEST_LINE + b"\n",
        b"a@b.example," * MOST_CELLS + b"a\n",
    ],
    ids=lambda data: repr(data[:12]),
)
def test_csv_that_no_list_looks_like_is_given_up_after_a_few_lines(data: bytes) -> None:
    read: list[str] = []
    lines = data_import._short_lines

    def noted(text: str) -> Any:
        for line in lines(text):
            read.append(line)
            yield line

    data_import._short_lines = noted
    try:
        with pytest.raises(CannotImport):
            data_import.read(data)
    finally:
        data_import._short_lines = lines
    assert len(read) <= MOST_LINES * 2 + 1
    assert all(len(line) <= LONGEST_LINE for line in read)


def test_csv_as_others_write_it_is_read() -> None:
    long = ",".join("x" * 500 for _ in range(MOST_CELLS))
    assert data_import.read(f"{long}\r\na@b.example,true\r\n".encode())[1] == (
        "a@b.example",
        "true",
    )
    many = b"\r\n\r\n".join(b"a%d@b.example" % number for number in range(MOST_LINES))
    assert len(data_import.read(many)) == MOST_LINES


@pytest.fixture
def threads(monkeypatch: pytest.MonkeyPatch) -> dict[str, set[int]]:
    """Threads in which each of these ran."""
    seen: dict[str, set[int]] = {}

    def watch(path: str) -> None:
        module, _, name = path.rpartition(".")
        real = getattr(sys.modules[module], name)

        def watched(*given: Any, **named: Any) -> Any:
            if not (isinstance(given[0], str) and len(given[0]) <= MOST_IN_PLACE):
                seen.setdefault(path, set()).add(threading.get_ident())
            return real(*given, **named)

        monkeypatch.setattr(path, watched)

    for path in (
        "server.actions.lifecycle.data_import.read",
        "server.media.store._understood",
        "server.actions.posts.markup.length",
        "server.actions.people.profiles.validate",
        "server.entities.status.by_number",
    ):
        watch(path)
    return seen


async def test_worst_bodies_are_read_beside_the_loop(
    place: Place, threads: dict[str, set[int]]
) -> None:
    alice = await place.person("alice")
    assert (await alice.ask("POST", "/api/v1/statuses", json={"status": LONG}))[0] == 422
    one = await alice.say("Short.")
    said = {"status": LONG}
    assert (await alice.ask("PUT", f"/api/v1/statuses/{one['id']}", json=said))[0] == 422
    edited = {"note": LONG}
    await alice.ask("PATCH", "/api/v1/accounts/update_credentials", json=edited)
    await alice.get(f"/api/v1/statuses/{one['id']}/context")
    await sent(alice, encoded(corners(), "PNG"))
    tab = await Tab.of(alice)
    await tab.open("/settings/data")
    await tab.send("/settings/data/imports", kind="follows", mode="merge", file=b"," * MB)
    loop = threading.get_ident()
    assert set(threads) == {
        "server.actions.posts.markup.length",
        "server.actions.lifecycle.data_import.read",
        "server.media.store._understood",
        "server.actions.people.profiles.validate",
        "server.entities.status.by_number",
    }
    assert all(loop not in where for where in threads.values()), threads


async def test_long_thread_is_rendered_some_at_a_time(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice = await place.person("alice")
    said = await place.database.write(chain, alice.actor.id, status_entity.SLICE * 2 + 5)
    sizes: list[int] = []
    real = status_entity.by_number

    def counted(reader: Any, viewer: Any, wanted: list[PostId]) -> Any:
        sizes.append(len(wanted))
        return real(reader, viewer, wanted)

    monkeypatch.setattr(status_entity, "by_number", counted)
    found = await place.database.read(
        lambda reader: visible_posts.descendants(reader, Member(alice.actor.id), said[0])
    )
    shown = await place.database.read(status_entity.of_posts, Member(alice.actor.id), found)
    assert len(shown) == len(found) == status_entity.SLICE * 2 + 4
    assert sizes == [status_entity.SLICE, status_entity.SLICE, 4]


def test_program_is_no_part_of_the_search_for_garbage() -> None:
    """Test in a process of its own, since it cannot be taken back for some objects only."""
    look = (
        "import gc; from server import serving; serving.set_aside(); print(gc.get_freeze_count())"
    )
    said = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert int(said.stdout) > 10_000
