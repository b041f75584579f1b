"""Threads of any depth: whole for members within limits, a glimpse for anybody else."""

from typing import Any

import pytest

from storage.engine.transaction import Writer
from storage.posts import visible_posts
from storage.posts.audiences import Audience
from storage.posts.posts import Post
from storage.posts.visibility import Member
from tests.storage import cast
from tests.support.servers import Person, Place


def chain(writer: Writer, author: Any, length: int) -> list[Post]:
    """Chain of posts, each an answer to the one before."""
    said: list[Post] = []
    for _ in range(length):
        said.append(cast.post(writer, author, answers=said[-1] if said else None))
    return said


async def context(place: Place, id_: int, who: Person | None) -> tuple[list[int], list[int]]:
    headers = {"Authorization": f"Bearer {who.token}"} if who else {}
    async with place.client.get(f"/api/v1/statuses/{id_}/context", headers=headers) as answer:
        assert answer.status == 200
        body = await answer.json()
    above, below = ([int(one["id"]) for one in body[part]] for part in ("ancestors", "descendants"))
    return above, below


@pytest.fixture
async def alice(place: Place) -> Person:
    return await place.person("alice")


async def test_deep_thread_is_shown_whole_to_members(place: Place, alice: Person) -> None:
    """Deeper than Python would go by itself."""
    said = await place.database.write(chain, alice.actor.id, 1500)
    ids = [one.id for one in said]
    assert await context(place, ids[0], alice) == ([], ids[1:])
    assert await context(place, ids[-1], alice) == (ids[:-1], [])
    middle = len(ids) // 2
    assert await context(place, ids[middle], alice) == (ids[:middle], ids[middle + 1 :])


async def test_thread_has_an_end(place: Place, alice: Person) -> None:
    said = await place.database.write(chain, alice.actor.id, 4200)
    viewer = Member(alice.actor.id)
    below = await place.database.read(visible_posts.descendants, viewer, said[0])
    above = await place.database.read(visible_posts.ancestors, viewer, said[-1])
    assert (len(below), len(above)) == (4096, 4096)
    assert below[0].id == said[1].id
    assert above[-1].id == said[-2].id


async def test_visitors_get_a_glimpse_of_a_thread(place: Place, alice: Person) -> None:
    """Forty above; below sixty at most, and no deeper than twenty."""

    def wide(writer: Writer) -> list[Post]:
        (top,) = chain(writer, alice.actor.id, 1)
        return [top, *(cast.post(writer, alice.actor.id, answers=top) for _ in range(70))]

    deep = [one.id for one in await place.database.write(chain, alice.actor.id, 60)]
    assert (await context(place, deep[-1], None))[0] == deep[-41:-1]
    assert (await context(place, deep[0], None))[1] == deep[1:21]
    top, *answers = [one.id for one in await place.database.write(wide)]
    assert (await context(place, top, None))[1] == answers[:60]
    assert (await context(place, top, alice))[1] == answers


async def test_answers_come_after_what_they_answer(place: Place, alice: Person) -> None:
    first = await alice.say("First.")
    one = await alice.say("One.", in_reply_to_id=first["id"])
    two = await alice.say("Two.", in_reply_to_id=first["id"])
    under = await alice.say("Under one.", in_reply_to_id=one["id"])
    wanted = [int(post["id"]) for post in (one, under, two)]
    assert (await context(place, int(first["id"]), alice))[1] == wanted


async def test_thread_that_bites_its_tail_ends(place: Place, alice: Person) -> None:
    """Servers have said that A answers B and B answers A."""

    def ring(writer: Writer) -> list[Post]:
        said = chain(writer, alice.actor.id, 3)
        writer.execute("UPDATE posts SET in_reply_to = ? WHERE id = ?", said[2].id, said[0].id)
        return said

    one, two, three = [post.id for post in await place.database.write(ring)]
    assert await context(place, two, alice) == ([three, one], [three, one])


async def test_hidden_post_ends_a_thread_above_and_hides_answers_below(
    place: Place, alice: Person
) -> None:
    bob = await place.person("bob")

    def with_hidden(writer: Writer) -> list[Post]:
        first = cast.post(writer, alice.actor.id)
        hidden = cast.post(writer, alice.actor.id, Audience("named"), answers=first)
        return [first, hidden, cast.post(writer, alice.actor.id, answers=hidden)]

    first, _, last = [post.id for post in await place.database.write(with_hidden)]
    assert await context(place, first, bob) == ([], [])
    assert await context(place, last, bob) == ([], [])
    assert len((await context(place, last, alice))[0]) == 2


async def test_hidden_answer_hides_what_answers_it(place: Place, alice: Person) -> None:
    bob = await place.person("bob")

    def with_hidden(writer: Writer) -> list[Post]:
        first, second = chain(writer, alice.actor.id, 2)
        hidden = cast.post(writer, alice.actor.id, Audience("named"), answers=second)
        return [first, second, cast.post(writer, alice.actor.id, answers=hidden)]

    first, second, _ = [post.id for post in await place.database.write(with_hidden)]
    assert await context(place, first, bob) == ([], [second])
    assert len((await context(place, first, alice))[1]) == 3
