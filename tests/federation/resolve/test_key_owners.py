"""Whose key it is, where many actors share a server (SECURITY 8)."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta

import pytest

from federation.resolve.resolver import Budget, find_key
from server.http.app_keys import RESOLVER
from storage.engine.transaction import Reader
from storage.people import keys
from storage.people.keys import Key
from tests.federation.world import Neighbour, Stranger, pair
from tests.support.servers import Person, Place


def nobody(evil: Neighbour) -> Stranger:
    """Somebody whose server shows nothing of them yet."""
    return Stranger(evil, "mallory", pair(6))  # nobody else has that one


def key_of(stranger: Stranger, **more: str) -> Mapping[str, str]:
    """Key as its owner lists it."""
    return {**stranger.document()["publicKey"], **more}


def apart(stranger: Stranger) -> str:
    """The id of a key that is no fragment of its owner, as GoToSocial names it."""
    return f"{stranger.uri}/main-key"


def within(stranger: Stranger) -> str:
    return stranger.key_id


Named = Callable[[Stranger], str]


def shows_key_apart(stranger: Stranger) -> None:
    """The owner's document is there as well, under the owner's id."""
    document = stranger.document(publicKey=key_of(stranger, id=apart(stranger)))
    stranger.at.serves(document)
    stranger.at.documents[f"/users/{stranger.name}/main-key"] = document


@pytest.mark.parametrize("named", [within, apart])
async def test_key_of_a_neighbour_is_claimed_by_nobody(
    ours: Place, alice: Person, evil: Neighbour, named: Named
) -> None:
    """They came first, and we did not know the other yet."""
    mallory, other = nobody(evil), evil.person("other")
    if named is apart:
        shows_key_apart(other)
    both = [key_of(mallory), key_of(mallory, id=named(other))]
    evil.serves(mallory.document(publicKey=both))
    assert await mallory.tell(ours, mallory.says("Follow", alice.actor.uri)) == 202
    stolen = mallory.says("Like", alice.actor.uri)
    assert await mallory.tell(ours, stolen, key_id=named(other)) == 401
    evil.watch.advance(timedelta(minutes=6))
    honest = other.says("Follow", alice.actor.uri)
    assert await other.tell(ours, honest, key_id=named(other)) == 202
    assert await ours.database.read(owner_of, named(other)) == other.uri


def owner_of(reader: Reader, key_id: str) -> str | None:
    found = find_key(reader, key_id)
    return found[1].uri if found else None


@pytest.mark.parametrize("named", [within, apart])
async def test_key_that_was_claimed_before_goes_to_its_owner(
    ours: Place, alice: Person, evil: Neighbour, named: Named
) -> None:
    """Claim as it may lie in a database that is older than the rule."""
    mallory, other = evil.person("mallory"), evil.person("other")
    if named is apart:
        shows_key_apart(other)
    claimer = await ours.app[RESOLVER].actor(mallory.uri)
    claimed = Key(named(other), claimer.id, "rsa", mallory.pair.public_pem)
    await ours.database.write(keys.add, claimed)
    honest = other.says("Follow", alice.actor.uri)
    assert await other.tell(ours, honest, key_id=named(other)) == 202
    assert await ours.database.read(owner_of, named(other)) == other.uri


@pytest.mark.parametrize("found_first", [True, False])
async def test_key_that_is_no_fragment_of_its_owner_is_learned_where_it_is(
    ours: Place, alice: Person, evil: Neighbour, found_first: bool
) -> None:
    mallory = nobody(evil)
    shows_key_apart(mallory)
    evil.handles["acct:mallory@evil.example"] = mallory.uri
    if found_first:
        await alice.find("@mallory@evil.example")
    how = {"key_id": apart(mallory)}
    assert await mallory.tell(ours, mallory.says("Follow", alice.actor.uri), **how) == 202
    await ours.app[RESOLVER].refresh(
        mallory.uri, Budget()
    )  # it stays, though not asked for by name
    evil.asked.clear()
    assert await mallory.tell(ours, mallory.says("Follow", alice.actor.uri), **how) == 202
    assert evil.asked == []
    renewed = replace(mallory, pair=pair(7))
    shows_key_apart(renewed)
    evil.watch.advance(timedelta(minutes=6))
    assert await renewed.tell(ours, renewed.says("Follow", alice.actor.uri), **how) == 202


async def test_key_asked_for_in_other_letters_is_learned_all_the_same(
    ours: Place, alice: Person, evil: Neighbour
) -> None:
    """Else whoever asks in capitals keeps it from being learned for five minutes."""
    mallory = nobody(evil)
    shows_key_apart(mallory)
    loud = apart(mallory).replace("evil.example", "EVIL.example")
    assert await mallory.tell(ours, mallory.says("Like", "x"), key_id=loud) == 401
    follow = mallory.says("Follow", alice.actor.uri)
    assert await mallory.tell(ours, follow, key_id=apart(mallory)) == 202
