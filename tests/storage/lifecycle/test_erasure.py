"""Somebody who left is gone in time, from everywhere; what others did stays."""

import re

from storage.engine.ids import ActorId
from storage.engine.transaction import Writer
from storage.lifecycle import erasure
from storage.people import actors, keys
from storage.people.keys import Key
from storage.posts import favourites, posts, visible_posts
from storage.posts.visibility import System
from storage.queues import deliveries
from storage.reading import bookmarks
from tests.storage import cast
from tests.storage.raw import memory, writer_on

# What keeps somebody's number, and why.
KEPT = {
    ("accounts", "actor"): "emptied: the number stays with the handle",
    ("accounts", "invited_by"): "whoever vouched, for moderators",
    ("invitations", "sponsor"): "an invitation given is a promise",
    ("audit_log", "actor"): "append only",
    ("audiences", "owner"): "a row without content; others' answers are for it",
    ("charters", "owner"): "a community's",
    ("collections", "owner"): "a community's",
    ("consents", "actor"): "kept for ever (COMMUNITIES)",
    ("decisions", "moderator"): "append only",
    ("decisions", "target"): "append only",
    ("decisions", "undone_by"): "append only",
    ("reports", "reporter"): "moderators' work",
    ("reports", "target"): "moderators' work",
    ("reports", "assigned"): "moderators' work",
    ("reports", "acted_by"): "moderators' work",
    ("post_recipients", "actor"): "what others said, and to whom",
    ("posts", "community"): "a community's",
    ("posts", "author"): "erased with all that hangs on it",
    ("activities", "actor"): "until the last delivery is out: forget_key",
    ("keys", "actor"): "until the last delivery is out: forget_key",
    ("account_counts", "actor"): "figures of an empty row",
}


def erased_columns() -> list[tuple[str, str]]:
    """(table, column) of every statement that takes out what is somebody's."""
    statements = (*erasure.BY_SLICES, *erasure.AT_ONCE, *erasure.WAYS_IN)
    found = [
        re.fullmatch(r"DELETE FROM (\w+) WHERE (?:.* WHERE )?(\w+) = \?(?: LIMIT \?\))?", one)
        for one in statements
    ]
    return [(one[1], one[2]) for one in found if one]


def test_tables_that_name_somebody_are_all_thought_of() -> None:
    raw = memory()
    tables = [name for (name,) in raw.execute("SELECT name FROM sqlite_schema WHERE type='table'")]
    pointing = {
        (table, column)
        for table in tables
        for target, column in raw.execute(
            'SELECT "table", "from" FROM pragma_foreign_key_list(?)', (table,)
        ).fetchall()
        if target in ("actors", "accounts")
    }
    erased = set(erased_columns())
    assert pointing - erased == set(KEPT)
    assert len(erased) == len(erasure.BY_SLICES) + len(erasure.AT_ONCE) + len(erasure.WAYS_IN)
    assert erased - pointing == set()
    print(f"{len(pointing)} columns, {len(erased)} of them erased")


def gone(writer: Writer, actor: int) -> list[int]:
    """Erase until nothing is left; how many rows each slice took."""
    slices = []
    while taken := erasure.erase(writer, ActorId(actor), most=20):
        slices.append(taken)
        assert len(slices) < 100
    return slices


def test_erasure_leaves_nothing_of_theirs_and_what_others_said() -> None:
    writer = writer_on(memory())
    alice, bob = cast.account(writer, "alice"), cast.account(writer, "bob")
    said = [cast.post(writer, alice, tags=["tag"], to=[bob]) for _ in range(50)]
    answer = cast.post(writer, bob, answers=said[0])
    own = cast.post(writer, alice, answers=answer)
    cast.follow(writer, bob, alice)
    cast.block(writer, alice, bob)
    favourites.add(writer, "u:1", bob, said[1].id)
    favourites.add(writer, "u:2", alice, answer.id)
    bookmarks.add(writer, bob, own.id)
    actors.set_moderation_state(writer, alice, "deleted")
    erasure.close_account(writer, alice)
    slices = gone(writer, alice)
    assert max(slices) <= 20
    assert len(slices) >= 4
    assert writer.value("SELECT count(*) FROM posts WHERE author = ?", alice) == 0
    for table, column in erased_columns():
        left = writer.value(f"SELECT count(*) FROM {table} WHERE {column} = ?", alice)
        assert left == 0, (table, column)
    kept = visible_posts.by_id(writer, System(), answer.id)
    assert kept and kept.in_reply_to is None
    assert posts.by_id(writer, answer.id) is not None
    assert writer.rows("PRAGMA foreign_key_check") == []


def test_address_may_be_used_again_a_handle_never() -> None:
    writer = writer_on(memory())
    alice = cast.account(writer, "alice", email="one@mail.example")
    erasure.close_account(writer, alice)
    gone(writer, alice)
    cast.account(writer, "alicia", email="one@mail.example")
    assert actors.by_handle(writer, "alice") is not None


def test_key_stays_until_the_last_delivery_is_out() -> None:
    writer = writer_on(memory())
    alice = cast.account(writer, "alice")
    keys.add(writer, Key("u:key", alice, "rsa", "public", "private"))
    said = cast.said(writer, alice, "u:alice", "Delete")
    deliveries.enqueue(writer, said, "away.example", "https://away.example/inbox", "u:alice")
    assert erasure.last_words_wait(writer, alice)
    gone(writer, alice)
    assert keys.signing(writer, alice).public == "public"
    writer.execute("DELETE FROM deliveries WHERE activity = ?", said)
    assert not erasure.last_words_wait(writer, alice)
    erasure.forget_key(writer, alice)
    for table in ("activities", "keys"):
        assert writer.value(f"SELECT count(*) FROM {table} WHERE actor = ?", alice) == 0
