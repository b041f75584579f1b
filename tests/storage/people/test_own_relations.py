"""The migration that makes tables anew, so that an id is its actor's: everything stays."""

import re
from pathlib import Path
from typing import Any

import pytest

from storage.engine import schema
from storage.engine.connection import WRITING, connect
from storage.engine.database import open_database
from storage.engine.ids import ActorId, PostId
from storage.engine.site import Site
from storage.engine.transaction import Reader, Writer
from storage.people import account_counts, follows
from storage.people.account_counts import AccountCounts
from storage.posts import favourites

NUMBER = 18
TABLES = ("received", "follows", "likes", "shares", "blocks", "approvals", "thread_mutes")
BROUGHT = ("home_entries", "list_entries", "tallies")
RENAMED = {"likes": "favourites", "shares": "boosts", "tallies": "account_counts"}  # by 19
ACTOR = (
    "INSERT INTO actors (id, uri, type, name, domain, host, inbox, created_at)"
    " VALUES (?, ?, 'Person', ?, '', '', 'i', 0)"
)
POST = (
    "INSERT INTO posts (id, uri, author, local, type, audience, listed, root, content,"
    " published_at) VALUES (?, ?, 1, 1, 'Note', 1, 1, ?, '', 0)"
)
ROWS = (
    "INSERT INTO follows (id, uri, follower, target, state, reblogs, languages, created_at)"
    " VALUES (1, 'u:f1', 2, 1, 'accepted', 0, '[\"de\"]', 5),"
    " (2, 'u:f2', 3, 1, 'pending', 1, '[]', 6)",
    "INSERT INTO likes (id, uri, actor, post, created_at) VALUES (1, 'u:l', 2, 10, 7)",
    "INSERT INTO shares (id, uri, actor, post, audience, listed, published_at)"
    " VALUES (20, 'u:s', 2, 10, 1, 1, 8)",
    "INSERT INTO blocks (id, uri, actor, target, created_at) VALUES (1, 'u:b', 3, 2, 9)",
    "INSERT INTO lists (id, owner, title) VALUES (1, 1, 'Friends')",
    "INSERT INTO home_entries (owner, entry, post, share)"
    " VALUES (1, 20, 10, 20), (1, 10, 10, NULL), (3, 20, 10, 20)",
    "INSERT INTO list_entries (list, entry, post, share) VALUES (1, 20, 10, 20), (1, 10, 10, NULL)",
    "INSERT INTO approvals (id, uri, kind, target, actor, request, state, decided_at,"
    " attempts, due) VALUES (1, 'u:stamp', 'quote', 10, 2, 'u:quoting', 'approved', 3, 2, 4),"
    " (2, NULL, 'quote', 10, 3, 'u:other', 'rejected', NULL, 0, 0)",
    "INSERT INTO received (id, uri, actor, signer, host, type, verdict, body, state, reason,"
    " attempts, due, received_at) VALUES"
    " (1, 'u:r1', 'u:a', 'u:a', 'h', 'Like', 'authentic', NULL, 'done', NULL, 0, 1, 1),"
    " (2, 'u:r2', 'u:a', 'u:a', 'h', 'Create', 'hint', '{}', 'due', 'no answer', 3, 9, 2)",
    "INSERT INTO thread_mutes (account, root) VALUES (1, 10)",
)


def populated(path: Path) -> dict[str, list[dict[str, Any]]]:
    """A database as the migrations before leave it, with rows; return them."""
    raw = connect(path, WRITING)
    for number, script in schema.scripts().items():
        if number < NUMBER:
            raw.executescript(f"{script.read_text()}; PRAGMA user_version = {number}")
    for number, name in enumerate(("alice", "bob", "carol"), start=1):
        raw.execute(ACTOR, (number, f"u:{name}", name))
    raw.execute(POST, (10, "u:post", 10))
    for row in ROWS:
        raw.execute(row)
    found = {table: rows(raw, table) for table in (*TABLES, *BROUGHT)}
    raw.close()
    return found


def rows(raw: Any, table: str) -> list[dict[str, Any]]:
    cursor = raw.execute(f"SELECT * FROM {table} ORDER BY 1, 2")
    names = [column[0] for column in cursor.description]
    return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


async def test_relations_stay_as_they_were(tmp_path: Path, site: Site) -> None:
    before = populated(tmp_path / "db")
    assert all(before.values())
    async with open_database(tmp_path / "db", site) as database:
        assert await database.read(lambda r: r.rows("PRAGMA foreign_key_check")) == []
        assert await database.read(lambda r: r.value("PRAGMA integrity_check")) == "ok"
    raw = connect(tmp_path / "db", WRITING)
    for table, known in before.items():
        after = rows(raw, RENAMED.get(table, table))
        assert [{name: row[name] for name in known[0]} for row in after] == known, table
        news = {name for row in after for name, value in row.items() if name not in known[0]}
        assert news <= {"subject", "signed_at", "post"}, table
    raw.close()


@pytest.mark.parametrize("version", [0, 17])
async def test_id_is_its_actors_and_figures_go_on(tmp_path: Path, site: Site, version: int) -> None:
    """Figures go on in a new database, too: both ways to the schema lead to the same one."""
    if version:
        populated(tmp_path / "db")

    def unit(writer: Writer) -> AccountCounts:
        alice, bob, carol = (ActorId(number) for number in (1, 2, 3))
        if not version:
            for number, name in enumerate(("alice", "bob", "carol"), start=1):
                writer.execute(ACTOR, number, f"u:{name}", name)
            writer.execute(POST, 10, "u:post", 10)
            for row in ROWS:
                writer.execute(re.sub(r"likes|shares", lambda old: RENAMED[old[0]], row))
        assert favourites.add(writer, "u:l", carol, PostId(10))
        assert follows.accept(writer, carol, alice)
        assert follows.ask(writer, "u:f2", bob, carol)
        assert follows.remove(writer, bob, alice)
        return account_counts.many(writer, [alice])[alice]

    async with open_database(tmp_path / "db", site) as database:
        assert (await database.write(unit)).followers == 1
        assert await database.read(_without_share) == 0


def _without_share(reader: Reader) -> int:
    """Lines of lists whose share is not there: what a share brought goes with it."""
    return int(
        reader.value("SELECT count(*) FROM home_entries WHERE share NOT IN (SELECT id FROM boosts)")
    )
