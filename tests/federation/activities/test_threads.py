"""Who comes into a thread of ours: only somebody who may see what they answer (SECURITY 75, 77)."""

import pytest

from tests.federation.saying import hear
from tests.federation.world import Document, Neighbour, Stranger
from tests.support.servers import Person, Place

NARROW = ("private", "direct", "local")


def answer(who: Stranger, said: Document, **more: object) -> Document:
    return who.note("<p>Me too</p>", inReplyTo=said["uri"], **more)


def mentioning(person: Person) -> Document:
    tag = {"type": "Mention", "href": person.actor.uri, "name": person.handle}
    return {"to": [person.actor.uri], "cc": [], "tag": tag}


@pytest.mark.parametrize("visibility", NARROW)
async def test_stranger_does_not_come_into_a_thread_that_they_cannot_see(
    ours: Place, alice: Person, vera: Stranger, evil: Neighbour, visibility: str
) -> None:
    said = await alice.say("We are not fine.", visibility=visibility)
    neighbour = vera.at.person("walt")  # on the server of a follower, and not one
    for stranger in (evil.person("mallory"), neighbour):
        plain = stranger.says("Create", answer(stranger, said))
        assert (await hear(ours, stranger, plain))[0] == "refused"
        loud = answer(stranger, said, **mentioning(alice))
        assert (await hear(ours, stranger, stranger.says("Create", loud)))[0] == "done"
    context = await alice.get(f"/api/v1/statuses/{said['id']}/context")
    assert context["descendants"] == []
    assert (await alice.get(f"/api/v1/statuses/{said['id']}"))["replies_count"] == 0
    told = [one["status"] for one in await alice.get("/api/v1/notifications") if "status" in one]
    assert len(told) == 2
    for status in told:
        assert (status["in_reply_to_id"], status["in_reply_to_account_id"]) == (None, None)


async def test_follower_answers_for_those_who_could_read_it(
    ours: Place, alice: Person, vera: Stranger, evil: Neighbour
) -> None:
    bob = await ours.person("bob")
    await bob.follow(alice)
    said = await alice.say("We are not fine.", visibility="private")
    for stranger in (vera, evil.person("mallory")):
        addressed = {**mentioning(alice), "to": [alice.actor.uri, alice.actor.followers]}
        note = answer(stranger, said, **addressed)
        assert (await hear(ours, stranger, stranger.says("Create", note)))[0] == "done"
    for reader in (alice, bob):
        context = await reader.get(f"/api/v1/statuses/{said['id']}/context")
        assert [one["account"]["username"] for one in context["descendants"]] == ["vera"]


async def test_answer_does_not_give_away_a_hidden_post(
    ours: Place, alice: Person, vera: Stranger
) -> None:
    """Vera answers for everybody what only alice's followers may read."""
    carol = await ours.person("carol")
    said = await alice.say("We are not fine.", visibility="private")
    note = answer(vera, said, cc=[alice.actor.uri])
    assert (await hear(ours, vera, vera.says("Create", note)))[0] == "done"
    found = await carol.get("/api/v2/search", q=note["id"], resolve="true")
    (seen,) = found["statuses"]
    assert (seen["in_reply_to_id"], seen["in_reply_to_account_id"]) == (None, None)
    own = await alice.get(f"/api/v1/statuses/{seen['id']}")
    assert (own["in_reply_to_id"], own["in_reply_to_account_id"]) == (said["id"], alice.id)
