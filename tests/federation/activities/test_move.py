"""Moves as other servers say them: nobody goes along where nobody is expected (SECURITY 25)."""

from datetime import timedelta

import pytest
from aiohttp import web

from storage.engine.transaction import Reader
from storage.people import actors
from tests.federation.saying import follow, hear
from tests.federation.world import Document, Neighbour, Stranger, verdict
from tests.support.clock import Watch
from tests.support.servers import Person, Place, settle


def move(who: Stranger, target: Stranger, **more: object) -> Document:
    return who.says("Move", who.uri, target=target.uri, **more)


def names(new: Stranger, *old: Stranger, **more: object) -> Stranger:
    """The new account says that it is the old ones too."""
    new.at.serves(new.document(alsoKnownAs=[one.uri for one in old], **more))
    return new


async def following(alice: Person) -> set[str]:
    found = await alice.get(f"/api/v1/accounts/{alice.id}/following")
    return {one["acct"] for one in found if not one["group"]} | await asked(alice)


async def asked(alice: Person) -> set[str]:
    """Whom she has asked, and who has not answered yet."""

    def unit(reader: Reader) -> list[str]:
        rows = reader.rows(
            "SELECT w.name || '@' || w.domain FROM follows f JOIN actors w ON w.id = f.target"
            " WHERE f.follower = ? AND f.state = 'pending'",
            alice.actor.id,
        )
        return [name for (name,) in rows]

    return set(await alice.place.database.read(unit))


@pytest.fixture
async def vera(alice: Person, victim: Neighbour) -> Stranger:
    """Followed by alice."""
    vera = victim.person("vera")
    await follow(alice, vera)
    return vera


async def test_move_with_a_link_back_is_followed(
    ours: Place, alice: Person, vera: Stranger, evil: Neighbour
) -> None:
    new = names(evil.person("new"), vera)
    assert (await hear(ours, vera, move(vera, new)))[0] == "done"
    assert await following(alice) == {"new@evil.example"}
    arrived = [one.body for one in vera.at.arrived if b'"Undo"' in one.body]
    assert len(arrived) == 1


@pytest.mark.parametrize("link", ["none", "to another", "to itself"])
async def test_move_without_a_link_back_takes_nobody_along(
    ours: Place, alice: Person, vera: Stranger, evil: Neighbour, link: str
) -> None:
    new = evil.person("new")
    if link != "none":
        names(new, new if link == "to itself" else evil.person("else"))
    assert (await hear(ours, vera, move(vera, new)))[0] == "refused"
    assert await following(alice) == {"vera@victim.example"}


async def test_posts_of_the_new_account_are_asked_anew(
    ours: Place, alice: Person, vera: Stranger, evil: Neighbour
) -> None:
    """Changes in both directions: an alias added since, and one taken back since."""
    new = evil.person("new")
    await alice.find("@new@evil.example")
    names(new, vera)
    assert (await hear(ours, vera, move(vera, new)))[0] == "done"
    assert await following(alice) == {"new@evil.example"}
    other = names(evil.person("other"), new)
    await alice.find("@other@evil.example")
    other.at.serves(other.document())
    assert (await hear(ours, new, move(new, other)))[0] == "refused"
    assert await following(alice) == {"new@evil.example"}


async def test_move_is_for_the_account_itself_only(
    ours: Place, alice: Person, vera: Stranger, evil: Neighbour
) -> None:
    new, walt = evil.person("new"), vera.at.person("walt")
    names(new, vera, walt, new)
    for liar in (new, walt):
        claims = (
            liar.says("Move", vera.uri, target=new.uri),
            liar.says("Move", vera.uri, target=new.uri, actor=vera.uri),
        )
        for claim in claims:
            assert await liar.tell(ours, claim) < 500
            await settle(ours)
            assert (await verdict(ours, claim))[0] != "done"
    assert await following(alice) == {"vera@victim.example"}


async def test_loop_ends(ours: Place, alice: Person, vera: Stranger, evil: Neighbour) -> None:
    new = names(evil.person("new"), vera)
    assert (await hear(ours, vera, move(vera, new)))[0] == "done"
    vera.at.serves(vera.document(alsoKnownAs=[new.uri], movedTo=new.uri))
    assert (await hear(ours, new, move(new, vera)))[0] == "refused"
    assert await following(alice) == {"new@evil.example"}


async def test_move_is_allowed_once_a_week(
    ours: Place, alice: Person, vera: Stranger, evil: Neighbour, watch: Watch
) -> None:
    first, second = names(evil.person("first"), vera), names(evil.person("second"), vera)
    assert (await hear(ours, vera, move(vera, first)))[0] == "done"
    assert (await hear(ours, vera, move(vera, second)))[0] == "refused"
    watch.advance(timedelta(days=8))
    assert (await hear(ours, vera, move(vera, second)))[0] == "done"


async def test_new_account_that_does_not_answer_is_asked_again(
    ours: Place, alice: Person, vera: Stranger, evil: Neighbour, watch: Watch
) -> None:
    new = names(evil.person("new"), vera)

    async def busy(_: web.Request) -> web.Response:
        return web.Response(status=503)

    path = f"/users/{new.name}"
    evil.answers[path] = busy
    told = move(vera, new)
    assert (await hear(ours, vera, told))[0] == "due"
    del evil.answers[path]
    watch.advance(timedelta(hours=1))
    await settle(ours)
    assert (await verdict(ours, told))[0] == "done"
    assert await following(alice) == {"new@evil.example"}


async def test_blocked_account_does_not_come_back_by_moving(
    ours: Place, alice: Person, vera: Stranger, evil: Neighbour
) -> None:
    bob = await ours.person("bob")
    number = await bob.find("@vera@victim.example")
    await bob.post(f"/api/v1/accounts/{number}/block")
    new = names(evil.person("new"), vera)
    assert (await hear(ours, vera, move(vera, new)))[0] == "done"
    known = await ours.database.read(actors.by_uri, new.uri)
    assert known is not None
    (standing,) = await bob.get("/api/v1/accounts/relationships", **{"id[]": str(known.id)})
    assert (standing["blocking"], standing["following"]) == (True, False)
