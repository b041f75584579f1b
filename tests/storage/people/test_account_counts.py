"""What accounts show beside their names is what counting the rows would give."""

import random

import pytest

from storage.engine import schema
from storage.engine.ids import ActorId
from storage.engine.transaction import Writer
from storage.people import account_counts, follows
from storage.people.account_counts import AccountCounts
from storage.posts import delivery_targets, posts
from storage.posts.audiences import INSTANCE, NAMED, PUBLIC, Audience
from tests.storage import cast
from tests.storage.raw import memory, writer_on


def counted(writer: Writer, actor: int) -> AccountCounts:
    ids = writer.rows("SELECT id FROM posts WHERE author = ?", actor)
    found = [posts.by_id(writer, id_) for (id_,) in ids]
    said = [post for post in found if post and post.kind == "public" and not post.local_only]
    accepted = "SELECT count(*) FROM follows WHERE state = 'accepted' AND"
    return AccountCounts(
        len(said),
        max((post.published_at for post in said), default=None),
        writer.value(f"{accepted} target = ?", actor),
        writer.value(f"{accepted} follower = ?", actor),
    )


def live(writer: Writer, chance: random.Random, people: list[ActorId]) -> None:
    """One thing that somebody does."""
    one, other = chance.sample(people, 2)
    match chance.randrange(6):
        case 0 | 1:
            audience = chance.choice([PUBLIC, INSTANCE, NAMED, Audience("followers", one)])
            cast.post(writer, one, audience, local_only=chance.random() < 0.2)
        case 2:
            ids = writer.rows("SELECT id FROM posts WHERE deleted_at IS NULL")
            post = posts.by_id(writer, chance.choice(ids)[0]) if ids else None
            if post:
                posts.bury(writer, post)
        case 3:
            cast.follow(writer, one, other, accepted=chance.random() < 0.7)
        case 4:
            follows.remove(writer, one, other)
        case _ if chance.random() < 0.1:
            delivery_targets.part_from_all(writer, one)


@pytest.mark.parametrize("seed", range(20))
def test_account_counts_are_what_the_rows_say(seed: int) -> None:
    writer, chance = writer_on(memory()), random.Random(seed)
    people = [cast.account(writer, name) for name in ("alice", "bob", "eve", "dan")]
    for _ in range(60):
        live(writer, chance, people)
        assert account_counts.many(writer, people) == {one: counted(writer, one) for one in people}


OLD = """
INSERT INTO actors (id, uri, type, name, domain, host, inbox, created_at)
    VALUES (1, 'u:1', 'Person', 'one', '', '', 'i', 0), (2, 'u:2', 'Person', 'two', '', '', 'i', 0);
INSERT INTO follows (id, uri, follower, target, state, created_at)
    VALUES (1, 'f:1', 1, 2, 'accepted', 0), (2, 'f:2', 2, 1, 'pending', 0);
INSERT INTO posts (id, uri, author, local, type, audience, listed, local_only, root, content,
                   published_at, deleted_at)
    SELECT value, 'p:' || value, 1, 1, 'Note',
           (SELECT id FROM audiences WHERE kind = CASE value WHEN 4 THEN 'named' WHEN 5 THEN
            'instance' ELSE 'public' END),
           1, value = 3, value, '', value * 1000, iif(value = 2, 9, NULL)
    FROM json_each('[1, 2, 3, 4, 5, 6]');
"""


@pytest.mark.parametrize("before", [5, 6])
def test_migrations_count_what_is_there(before: int) -> None:
    """Posts are six: one is deleted, one kept here, one for named people and one for the place."""
    raw = memory(up_to=before)
    raw.executescript(OLD)
    for number, script in schema.scripts().items():
        if number > before:
            raw.executescript(script.read_text())
    writer = writer_on(raw)
    people = [ActorId(1), ActorId(2)]
    expected = {one: counted(writer, one) for one in people}
    assert account_counts.many(writer, people) == expected
    assert expected[people[0]].posts == 2
    assert (expected[people[0]].following, expected[people[1]].followers) == (1, 1)
