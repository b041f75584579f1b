"""Circles, neighbourhood scope, private communities, held activities and approvals fit as it is."""

import re
import sqlite3

import pytest

from storage.communities import memberships
from storage.engine.database import Database
from storage.engine.ids import ActorId
from storage.engine.schema import MIGRATIONS
from storage.engine.transaction import Reader, Writer
from storage.people import actors
from storage.posts import visible_posts
from storage.posts.audiences import Audience
from storage.posts.posts import Post
from storage.posts.visibility import Anonymous, Member, Peer, Viewer
from storage.queues import inbox
from storage.queues.inbox import Received, Skipped
from tests.storage import cast
from tests.storage.raw import memory, writer_on

RAW = memory()


def seen_by(reader: Reader, post: Post, viewers: dict[str, Viewer]) -> set[str]:
    return {
        name
        for name, viewer in viewers.items()
        if visible_posts.by_id(reader, viewer, post.id) is not None
    }


def people(writer: Writer) -> dict[str, ActorId]:
    who = {name: cast.actor(writer, name) for name in ("alice", "bob", "carol")}
    who["dora"] = cast.actor(writer, "dora", "away.example")
    who["server"] = cast.actor(writer, "server", "near.example", type="Application")
    return who


def viewers_of(who: dict[str, ActorId]) -> dict[str, Viewer]:
    found: dict[str, Viewer] = {name: Member(who[name]) for name in ("alice", "bob", "carol")}
    found |= {host: Peer(host) for host in ("away.example", "near.example", "far.example")}
    return {**found, "anybody": Anonymous()}


def private_community(writer: Writer) -> tuple[set[str], str]:
    who = people(writer)
    garden = cast.actor(writer, "garden", type="Group", access="private", locked=True)
    members = memberships.make(writer, garden, "members", "https://home.example/c/garden/members")
    memberships.put(writer, members, who["alice"], role="steward")
    memberships.put(writer, members, who["dora"])
    memberships.put(writer, members, who["bob"], "asked")
    said = cast.post(
        writer, who["alice"], Audience("members", collection=members), community=garden
    )
    kept = actors.by_id(writer, garden)
    assert kept is not None
    return seen_by(writer, said, viewers_of(who)), kept.access


async def test_private_community_fits(database: Database) -> None:
    seen, access = await database.write(private_community)
    assert seen == {"alice", "away.example"}
    assert access == "private"


def circle(writer: Writer) -> set[str]:
    who = people(writer)
    family = memberships.make(writer, who["alice"], "circle", name="family")
    friends = memberships.make(writer, who["alice"], "circle", name="friends")
    memberships.put(writer, family, who["bob"])
    memberships.put(writer, friends, who["carol"])
    said = cast.post(writer, who["alice"], Audience("circle", collection=family))
    return seen_by(writer, said, viewers_of(who))


async def test_circle_fits(database: Database) -> None:
    assert await database.write(circle) == {"alice", "bob"}


def neighbourhood(writer: Writer) -> set[str]:
    who = people(writer)
    home = cast.actor(writer, "home", type="Group")
    near = memberships.make(writer, home, "neighbours")
    memberships.put(writer, near, who["server"])
    said = cast.post(writer, who["alice"], Audience("neighbours", collection=near), listed=True)
    return seen_by(writer, said, viewers_of(who))


async def test_neighbourhood_fits(database: Database) -> None:
    assert await database.write(neighbourhood) == {"alice", "bob", "carol", "near.example"}


def answer_to_followers(writer: Writer) -> set[str]:
    who = people(writer)
    cast.follow(writer, who["carol"], who["alice"])
    cast.follow(writer, who["bob"], who["alice"])
    first = cast.post(writer, who["alice"], Audience("followers", owner=who["alice"]))
    answer = cast.post(writer, who["bob"], Audience("followers", owner=who["alice"]), answers=first)
    return seen_by(writer, answer, viewers_of(who))


async def test_answer_for_the_followers_of_whom_it_answers_fits(database: Database) -> None:
    assert await database.write(answer_to_followers) == {"alice", "bob", "carol"}


LETTER = Received(
    0, "u:join", "u:dora", "u:dora", "away.example", "Join", "authentic", '{"type": "Join"}'
)


def hold(writer: Writer) -> None:
    assert inbox.keep(writer, LETTER)
    (waiting,) = inbox.next_due(writer, Skipped(), "", 10)
    inbox.close(writer, waiting, "held", "waits for a steward")


async def test_received_activity_waits_with_its_words(database: Database) -> None:
    await database.write(hold)
    assert await database.read(inbox.next_due, Skipped(), "", 10) == []
    assert await database.read(inbox.depth) == {"held": 1}
    assert not await database.write(inbox.keep, LETTER)
    kept = await database.read(lambda r: r.row("SELECT body, reason, signer FROM received"))
    assert kept == ('{"type": "Join"}', "waits for a steward", "u:dora")


def approve_quote(writer: Writer) -> None:
    who = people(writer)
    quoted = cast.post(writer, who["alice"])
    request = "https://away.example/posts/1"
    for kind, state in (("quote", "approved"), ("reply", "pending")):
        writer.execute(
            "INSERT INTO approvals (id, uri, kind, target, actor, request, state, decided_at)"
            " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            writer.new_id(),
            f"https://home.example/stamps/{kind}",
            kind,
            quoted.id,
            who["dora"],
            request,
            state,
            writer.now_ms,
        )
    writer.execute("UPDATE posts SET quote_policy = 'followers', reply_policy = 'nobody'")


async def test_approval_of_a_quote_fits(database: Database) -> None:
    await database.write(approve_quote)
    rows = await database.read(lambda r: r.rows("SELECT kind, state FROM approvals ORDER BY kind"))
    assert rows == [("quote", "approved"), ("reply", "pending")]


# ---- the tables themselves ----


def tables() -> dict[str, str]:
    """Tables but for the index of words, whose tables SQLite makes itself."""
    rows = RAW.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'table' AND name NOT GLOB 'post_words*'"
    )
    return dict(rows.fetchall())


def test_tables_are_strict() -> None:
    lax = [name for name, sql in tables().items() if not re.search(r"\)\s*STRICT\b", sql)]
    assert lax == []
    assert len(tables()) > 30


def first_columns(table: str) -> set[tuple[str, ...]]:
    """What the indexes of a table begin with, its key included."""
    found = set()
    for (name,) in RAW.execute("SELECT name FROM pragma_index_list(?)", (table,)).fetchall():
        columns = RAW.execute(
            "SELECT name FROM pragma_index_info(?) ORDER BY seqno", (name,)
        ).fetchall()
        found.add((columns[0][0],))
    keys = RAW.execute("SELECT name FROM pragma_table_info(?) WHERE pk = 1", (table,)).fetchall()
    return found | set(keys)


def deleted_from() -> set[str]:
    """The tables from which a statement of ours deletes."""
    sources = (path.read_text() for path in MIGRATIONS.parent.rglob("*.py"))
    return set(re.findall(r"DELETE FROM (\w+)", "".join(sources)))


# Few rows, whoever looks after a place: a walk through them is as quick as an index.
FEW = {
    ("accounts", "invited_by"),
    ("audiences", "owner"),
    ("invitations", "sponsor"),
    ("reports", "acted_by"),
    ("reports", "assigned"),
    ("decisions", "undone_by"),
    ("decisions", "moderator"),
    ("audit_log", "actor"),
}


def test_row_that_goes_finds_those_that_point_to_it_by_an_index() -> None:
    pointing = [
        (table, column, target)
        for table in tables()
        for target, column in RAW.execute(
            'SELECT "table", "from" FROM pragma_foreign_key_list(?)', (table,)
        ).fetchall()
    ]
    missing = [
        f"{table}.{column} -> {target}"
        for table, column, target in pointing
        if target in deleted_from()
        and (table, column) not in FEW
        and (column,) not in first_columns(table)
    ]
    print(f"{len(pointing)} foreign keys")
    assert {"boosts", "activities"} <= deleted_from()
    assert missing == []


@pytest.mark.parametrize(
    ("table", "column"),
    [
        (table, "post")
        for table in (
            "favourites",
            "boosts",
            "bookmarks",
            "notifications",
            "home_entries",
            "post_tags",
        )
    ]
    + [("activities", "post"), ("collection_members", "actor"), ("notifications", "actor")]
    + [("follows", "follower"), ("follows", "target"), ("codes", "account")],
)
def test_deletions_have_an_index(table: str, column: str) -> None:
    assert (column,) in first_columns(table)


@pytest.mark.parametrize(
    "row",
    [
        ("followers", None, None),
        ("public", 1, None),
        ("members", None, None),
        ("circle", 1, None),
        ("friends", None, None),
    ],
)
def test_audience_that_says_nothing_is_not_kept(row: tuple[object, ...]) -> None:
    writer = writer_on(memory())
    with pytest.raises(sqlite3.IntegrityError):
        writer.execute("INSERT INTO audiences (kind, owner, collection) VALUES (?, ?, ?)", *row)


async def test_filled_database_is_whole(database: Database) -> None:
    await database.write(private_community)
    assert await database.read(lambda r: r.rows("PRAGMA foreign_key_check")) == []
    assert await database.read(lambda r: r.value("PRAGMA integrity_check")) == "ok"
    with pytest.raises(sqlite3.IntegrityError):
        await database.write(lambda w: w.execute("UPDATE posts SET author = 12345"))
    with pytest.raises(sqlite3.IntegrityError):
        await database.write(lambda w: w.execute("UPDATE posts SET listed = 'perhaps'"))
