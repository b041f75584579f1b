"""What accounts show beside their names is what counting the rows would give."""

import random

import pytest

from storage import follows, posts, reach, schema, tallies
from storage.audiences import INSTANCE, NAMED, PUBLIC, Audience
from storage.ids import ActorId
from storage.tallies import Tally
from storage.units import Writer
from tests.storage import cast
from tests.storage.raw import memory, writer_on


def counted(writer: Writer, actor: int) -> Tally:
    ids = writer.rows("SELECT id FROM posts WHERE author = ?", actor)
    found = [posts.by_id(writer, id_) for (id_,) in ids]
    said = [post for post in found if post and post.kind == "public" and not post.local_only]
    accepted = "SELECT count(*) FROM follows WHERE state = 'accepted' AND"
    return Tally(
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
            reach.part_from_all(writer, one)


@pytest.mark.parametrize("seed", range(20))
def test_whatever_happens_they_are_what_the_rows_say(seed: int) -> None:
    writer, chance = writer_on(memory()), random.Random(seed)
    people = [cast.account(writer, name) for name in ("alice", "bob", "eve", "dan")]
    for _ in range(60):
        live(writer, chance, people)
        assert tallies.many(writer, people) == {one: counted(writer, one) for one in people}


@pytest.mark.parametrize("before", [5, 6])
def test_the_migrations_count_what_is_there(before: int) -> None:
    raw = memory(up_to=before)
    writer, chance = writer_on(raw), random.Random(1)
    people = [cast.account(writer, name) for name in ("alice", "bob", "eve")]
    for _ in range(40):
        live(writer, chance, people)
    cast.follow(writer, people[0], people[1])
    cast.post(writer, people[1])
    for number in range(before + 1, 8):
        raw.executescript(schema.scripts()[number].read_text())
    expected = {one: counted(writer, one) for one in people}
    assert tallies.many(writer, people) == expected
    assert any(tally.posts and tally.followers for tally in expected.values())
