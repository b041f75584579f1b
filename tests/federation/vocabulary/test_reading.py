"""What others sent is read beside the loop, and what costs much only when it is known who asks."""

import ast
import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from federation.errors import Busy, Malformed
from federation.vocabulary import reading
from federation.vocabulary.json_documents import dump
from federation.vocabulary.reading import SMALL, Reading, apart, beside
from server.http.app_keys import READING
from storage.engine.transaction import Reader
from tests.federation.world import AS, Neighbour, block_host, verdict
from tests.support.servers import Person, Place, settle

ROOT = Path(__file__).parents[3]
STRANGE = {"as": f"{AS}#", "does": "as:actor", "what": "as:object"}
NAMES = {"name": "http://schema.org/name"}
SILENT = (sys.executable, "-c", "import time; print('ready', flush=True); time.sleep(30)")


@pytest.fixture
async def mine() -> AsyncIterator[Reading]:
    made = Reading()
    yield made
    await made.close()


def strange_like(who: str, what: str, number: int = 1) -> dict[str, Any]:
    return {
        "@context": STRANGE,
        "@id": f"http://evil.example/likes/{number}",
        "@type": "as:Like",
        "does": {"@id": who},
        "what": {"@id": what},
    }


def flood(who: str) -> bytes:
    """The 131 kB with a context of their own and 2,400 tags (1.2 s of JSON-LD)."""
    tags = [{"type": "Mention", "href": f"http://x.example/{one}"} for one in range(2400)]
    note = {"id": "http://evil.example/n/1", "type": "Note", "attributedTo": who, "tag": tags}
    activity = {
        "@context": [AS, NAMES],
        "id": "http://evil.example/a/1",
        "type": "Create",
        "actor": who,
        "object": note,
    }
    return dump(activity)


async def test_strange_context_is_not_read_before_it_is_known_who_says_it(
    ours: Place, alice: Person, evil: Neighbour
) -> None:
    mallory = evil.person("mallory")
    forged = mallory.signed_post(ours, strange_like(mallory.uri, alice.actor.uri))
    bad = 'keyId="http://evil.example/u#k",headers="(request-target) host date digest",'
    headers = {**forged.headers, "Signature": f'{bad}signature="AAAA"'}
    assert await replace(forged, headers=headers).send(ours) == 401
    again = mallory.signed_post(ours, flood(mallory.uri), key_id="http://evil.example/nobody#key")
    assert await again.send(ours) == 401
    assert ours.app[READING]._process is None
    assert ours.app[READING].places.refused == 0


@pytest.mark.parametrize(
    ("changed", "blocked", "status"),
    [
        ({"Date": "Sun, 01 Mar 2020 12:00:00 GMT"}, False, 401),
        ({"Host": "other.example"}, False, 401),
        ({"Signature": 'keyId="x"'}, False, 401),
        ({}, True, 202),
    ],
)
async def test_head_refuses_before_the_body_comes(
    ours: Place, evil: Neighbour, changed: dict[str, str], blocked: bool, status: int
) -> None:
    """A mebibyte is announced and never sent; nobody waits for it, and nobody is asked."""
    if blocked:
        await ours.database.write(block_host, "evil.example")
    mallory = evil.person("mallory")
    sent = mallory.signed_post(ours, mallory.says("Like", "http://ours.example/posts/1"))
    headers = {"Host": "ours.example", "Content-Length": str(1 << 20)} | dict(sent.headers)
    lines = [f"{name}: {value}" for name, value in (headers | changed).items()]
    reader, writer = await asyncio.open_connection("127.0.0.1", ours.client.port)
    writer.write("\r\n".join(["POST /inbox HTTP/1.1", *lines, "", "{"]).encode())
    async with asyncio.timeout(20):
        assert f" {status} " in (await reader.readline()).decode()
    writer.close()
    assert evil.asked == []


async def test_strange_context_is_small_or_refused(
    ours: Place, alice: Person, evil: Neighbour
) -> None:
    mallory = evil.person("mallory")
    assert await mallory.tell(ours, flood(mallory.uri)) == 400
    assert ours.app[READING]._process is None
    post = await alice.say("Apples.")
    like = strange_like(mallory.uri, post["uri"])
    assert await mallory.tell(ours, like) == 202
    await settle(ours)
    assert await verdict(ours, {"id": like["@id"]}) == ("done", "")
    assert (await alice.get(f"/api/v1/statuses/{post['id']}"))["favourites_count"] == 1


async def test_strange_document_is_kept_as_we_read_it(
    ours: Place, alice: Person, evil: Neighbour
) -> None:
    """Reading happens once, and never where activities are applied."""
    mallory = evil.person("mallory")
    assert await mallory.tell(ours, strange_like(mallory.uri, alice.actor.uri)) == 202

    def kept(reader: Reader) -> str:
        return str(reader.value("SELECT body FROM received"))

    body = await ours.database.read(kept)
    document, is_plain = await reading.plain(body.encode())
    assert is_plain
    assert (document["type"], document["actor"]) == ("Like", mallory.uri)


async def test_reader_that_takes_too_long_is_ended_and_the_next_is_read(
    mine: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    like = strange_like("http://a.example/u", "http://b.example/p")
    monkeypatch.setattr(reading, "WORKER", SILENT)
    monkeypatch.setattr(reading, "STRANGE_PATIENCE", 0.05)
    asking = asyncio.create_task(mine.compact(like, "a.example"))
    async with asyncio.timeout(20):
        while mine._process is None:
            await asyncio.sleep(0)
        process = mine._process
        with pytest.raises(Malformed):
            await asking
        assert await process.wait() != 0
    monkeypatch.undo()
    assert (await mine.compact(like, "a.example"))["actor"] == "http://a.example/u"


async def test_waiter_who_gives_up_leaves_no_answer_for_the_next(mine: Reading) -> None:
    first = strange_like("http://a.example/first", "http://b.example/p")
    second = strange_like("http://a.example/second", "http://b.example/p")
    await mine.compact(first, "a.example")
    asking = asyncio.create_task(mine.compact(first, "a.example"))
    await asyncio.sleep(0)
    asking.cancel()
    await asyncio.gather(asking, return_exceptions=True)
    assert (await mine.compact(second, "a.example"))["actor"] == "http://a.example/second"


async def test_domain_waits_behind_itself_and_not_for_ever(
    mine: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "WORKER", SILENT)
    like = strange_like("http://a.example/u", "http://b.example/p")
    tasks = [asyncio.create_task(mine.compact(like, "a.example")) for _ in range(10)]
    await asyncio.sleep(0)
    assert mine.places.in_use == 1
    assert sum(task.done() for task in tasks) == 5  # one has the place, four wait
    assert mine.places.in_queue == 4
    for task in tasks:
        task.cancel()
    ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert sum(isinstance(one, Busy) for one in ended) == 5


async def test_large_texts_are_read_in_threads_of_their_own() -> None:
    def where() -> str:
        return threading.current_thread().name

    assert (await beside(SMALL, where)) == threading.main_thread().name
    assert (await beside(SMALL + 1, where)).startswith("reading")
    assert (await apart(where)).startswith("reading")


COSTLY = {"parse_activity", "note.parse", "actor_object.parse", "documents.read", "clean"}
COSTLY |= {"clean_field", "sanitise.clean", "is_plain", "jsonld.is_plain", "compacted"}


def called_in_coroutines(path: Path) -> Iterator[str]:
    for function in ast.walk(ast.parse(path.read_text())):
        if isinstance(function, ast.AsyncFunctionDef):
            for node in ast.walk(function):
                if isinstance(node, ast.Call):
                    name = ast.unparse(node.func)
                    if name in COSTLY:
                        yield f"{path.relative_to(ROOT)}:{node.lineno} {name}"


def test_coroutines_do_not_read_what_others_sent_by_themselves() -> None:
    """It hands it to `reading`: then the loop goes on whatever it is."""
    paths = [p for name in ("server", "federation") for p in (ROOT / name).rglob("*.py")]
    assert [found for path in paths for found in called_in_coroutines(path)] == []
    print(f"{len(paths)} modules")
