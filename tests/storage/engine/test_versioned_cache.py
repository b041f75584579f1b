"""Bytes made before: how many are kept, and that whatever they are made of has a version."""

import re
import tracemalloc

import orjson
import pytest

from storage.engine.database import Database
from storage.engine.transaction import Reader, Writer
from storage.engine.versioned_cache import VersionedCache
from tests.architecture.test_sql import STORAGE


def test_cache_keeps_what_is_asked_for_and_the_rest_goes() -> None:
    kept = VersionedCache(1_000_000)
    kept.put("asked for", b"still here")
    for number in range(10_000):
        kept.put(number, bytes(1_000))
        assert kept.get("asked for") == b"still here"
    there = [number for number in reversed(range(10_000)) if kept.get(number) is not None]
    assert there == list(range(9_999, 9_999 - len(there), -1))
    assert 300 < len(there) < 1_000  # a thousand would be all that was allowed


def test_value_that_is_larger_than_all_is_no_trouble() -> None:
    kept = VersionedCache(1_000)
    kept.put("small", b"1")
    kept.put("large", bytes(5_000))
    kept.put("next", bytes(5_000))
    kept.put("last", b"2")
    assert [kept.get(key) for key in ("small", "large", "last")] == [None, None, b"2"]


async def test_readers_share_what_they_make_and_nobody_sees_what_a_writer_made(
    database: Database,
) -> None:
    def keep(reader: Reader, key: str) -> None:
        reader.cache.put(key, key.encode())

    def kept(reader: Reader, key: str) -> bytes | None:
        return reader.cache.get(key)

    def fail(writer: Writer) -> None:
        keep(writer, "undone")
        raise ValueError

    await database.read(keep, "read")
    await database.write(keep, "written")
    with pytest.raises(ValueError):
        await database.write(fail)
    found = [await database.read(kept, key) for key in ("read", "written", "undone")]
    assert found == [b"read", None, None]


def changes() -> list[tuple[str, str]]:
    """(table, what is set) of every statement of storage that changes a post or an actor."""
    found = []
    for path in STORAGE.rglob("*.py"):
        text = re.sub(r'"\s+f?r?"', "", path.read_text())
        found += re.findall(r"UPDATE (posts|actors) SET (.+?) WHERE", text)
    return found


# What is no part of a post's words: it is read anew for each answer.
BESIDE = re.compile(r"(in_reply_to|root) = (\?|NULL)")


def test_change_of_what_is_shown_raises_its_version() -> None:
    found = changes()
    print(f"{len(found)} statements")
    assert len(found) > 5
    silent = [
        (table, what)
        for table, what in found
        if "version = version + 1" not in what and not BESIDE.fullmatch(what)
    ]
    assert silent == []


def test_cache_takes_no_more_room_than_is_counted() -> None:
    """Bytes made by orjson count in full, too: they are larger than they are long."""
    kept, made = VersionedCache(1 << 20), {"note": "x" * 1500}
    tracemalloc.start()
    try:
        for number in range(3000):
            kept.put(number, orjson.dumps({**made, "id": number}))
        size, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert size < 1 << 20
