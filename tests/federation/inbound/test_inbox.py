"""What is taken in, from whom, and how often (SECURITY A, E41)."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from federation.vocabulary.json_documents import dump
from server.http.app_keys import RESOLVER
from storage.engine.transaction import Writer
from storage.people import actors
from storage.people.actors import ActorState
from storage.queues import hosts
from tests.federation.world import (
    AS,
    PUBLIC,
    SECURITY,
    Document,
    Neighbour,
    Stranger,
    changed,
    contents,
    pair,
    verdict,
)
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Person, Place, serving, settle

EVERYTHING = ("hosts",)  # what may differ after a request that was refused


async def refused(place: Place, stranger: Stranger, document: Document, **how: Any) -> int:
    """The status, and proof that nothing was kept of it, not even that it came."""
    before = await place.database.read(contents, without=EVERYTHING)
    status = await stranger.tell(place, document, **how)
    await settle(place)
    assert changed(before, await place.database.read(contents, without=EVERYTHING)) == {}
    return status


# ---- whose key it is (SECURITY 8) ----


def nobody(evil: Neighbour) -> Stranger:
    """Somebody whose server shows nothing of them yet."""
    return Stranger(evil, "mallory", pair(6))  # nobody else has that one


def listed(stranger: Stranger, **more: str) -> dict[str, str]:
    return {
        "id": stranger.key_id,
        "owner": stranger.uri,
        "publicKeyPem": stranger.pair.public_pem,
    } | more


def bare(stranger: Stranger, **more: str) -> Document:
    """A key with a document of its own."""
    return {
        "@context": [AS, SECURITY],
        "type": "Key",
        **listed(stranger, id=f"{stranger.uri}/key", **more),
    }


Serve = Callable[[Stranger, Neighbour], str]


def other_owner(stranger: Stranger, _: Neighbour) -> str:
    other = f"{stranger.at.origin}/users/other"
    stranger.at.serves(stranger.document(publicKey=listed(stranger, owner=other)))
    return stranger.key_id


def owner_elsewhere(stranger: Stranger, victim: Neighbour) -> str:
    vera = victim.person("vera")
    stranger.at.serves(stranger.document(publicKey=listed(stranger, owner=vera.uri)))
    return stranger.key_id


def key_elsewhere(stranger: Stranger, victim: Neighbour) -> str:
    vera = victim.person("vera")
    stranger.at.serves(stranger.document(publicKey=listed(stranger, id=vera.key_id)))
    return vera.key_id


def no_key(stranger: Stranger, _: Neighbour) -> str:
    stranger.at.serves(stranger.document(publicKey=None))
    return stranger.key_id


def key_of_another_name(stranger: Stranger, _: Neighbour) -> str:
    stranger.at.serves(stranger.document())
    return f"{stranger.uri}#second-key"


def bare_and_not_listed(stranger: Stranger, _: Neighbour) -> str:
    stranger.at.serves(stranger.document(publicKey=None))
    return stranger.at.serves(bare(stranger))


def bare_of_somebody_else(stranger: Stranger, victim: Neighbour) -> str:
    vera = victim.person("vera")
    return stranger.at.serves(bare(stranger, owner=vera.uri))


def bare_of_a_neighbour(stranger: Stranger, _: Neighbour) -> str:
    """Key of another actor on the same server, who does not list it."""
    other = stranger.at.person("other")
    return stranger.at.serves(bare(stranger, owner=other.uri))


def document_of_another_id(stranger: Stranger, victim: Neighbour) -> str:
    vera = victim.person("vera")
    forged = vera.document(publicKey=listed(stranger, id=vera.key_id, owner=vera.uri))
    stranger.at.documents["/users/mallory"] = forged
    return stranger.key_id


MISMATCHES: list[Serve] = [
    other_owner,
    owner_elsewhere,
    key_elsewhere,
    no_key,
    key_of_another_name,
    bare_and_not_listed,
    bare_of_somebody_else,
    bare_of_a_neighbour,
    document_of_another_id,
]


@pytest.mark.parametrize("serve", MISMATCHES)
async def test_key_that_is_not_bound_both_ways_is_no_key(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour, serve: Serve
) -> None:
    stranger = nobody(evil)
    key_id = serve(stranger, victim)
    follow = stranger.says("Follow", alice.actor.uri)
    assert await stranger.tell(ours, follow, key_id=key_id) == 401
    await settle(ours)
    assert await verdict(ours, follow) == ("", "")
    assert await alice.notified() == []


async def test_key_listed_by_somebody_else_shuts_nobody_out(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour
) -> None:
    mallory, vera = nobody(evil), victim.person("vera")
    both = [listed(mallory), listed(mallory, id=vera.key_id)]
    evil.serves(mallory.document(publicKey=both))
    assert await mallory.tell(ours, mallory.says("Follow", alice.actor.uri)) == 202
    stolen = mallory.says("Like", alice.actor.uri)
    assert await mallory.tell(ours, stolen, key_id=vera.key_id) == 401
    evil.watch.advance(timedelta(minutes=6))
    assert await vera.tell(ours, vera.says("Follow", alice.actor.uri)) == 202


async def test_key_with_a_document_of_its_own_is_good_when_its_owner_lists_it(
    ours: Place, alice: Person, evil: Neighbour
) -> None:
    stranger = nobody(evil)
    key_id = evil.serves(bare(stranger))
    evil.serves(stranger.document(publicKey=listed(stranger, id=key_id)))
    follow = stranger.says("Follow", alice.actor.uri)
    assert await stranger.tell(ours, follow, key_id=key_id) == 202
    await settle(ours)
    assert await verdict(ours, follow) == ("done", "")


async def test_keys_of_ours_sign_nothing_to_us(ours: Place, alice: Person, evil: Neighbour) -> None:
    follow = nobody(evil).says("Follow", alice.actor.uri)
    mine = f"{alice.actor.uri}#main-key"
    assert await refused(ours, nobody(evil), follow, key_id=mine) == 401
    assert evil.asked == []


# ---- keys change only at their origin (SECURITY 9) ----


async def test_key_that_was_replaced_at_its_origin_is_learned(
    ours: Place, alice: Person, evil: Neighbour
) -> None:
    mallory = evil.person("mallory")
    assert await mallory.tell(ours, mallory.says("Follow", alice.actor.uri)) == 202
    changed_key = replace(mallory, pair=pair(7))
    evil.serves(changed_key.document())
    evil.watch.advance(timedelta(minutes=6))
    assert await changed_key.tell(ours, changed_key.says("Follow", alice.actor.uri)) == 202
    await settle(ours)
    assert await refused(ours, mallory, mallory.says("Follow", alice.actor.uri)) == 401


async def test_update_does_not_bring_a_key(ours: Place, alice: Person, evil: Neighbour) -> None:
    mallory = evil.person("mallory")
    assert await mallory.tell(ours, mallory.says("Follow", alice.actor.uri)) == 202
    thief = replace(mallory, pair=pair(7))
    assert await mallory.tell(ours, mallory.says("Update", thief.document(name="M."))) == 202
    await settle(ours)
    seen = await ours.database.read(actors.by_uri, mallory.uri)
    assert seen is not None
    assert seen.display_name == "M."
    evil.watch.advance(timedelta(minutes=6))
    stolen = thief.says("Like", alice.actor.uri)
    assert await thief.tell(ours, stolen) == 401
    assert await verdict(ours, stolen) == ("", "")
    assert await mallory.tell(ours, mallory.says("Like", alice.actor.uri)) == 202


async def test_thousand_bad_signatures_ask_for_the_key_once(
    ours: Place, alice: Person, evil: Neighbour
) -> None:
    mallory = evil.person("mallory")
    assert await mallory.tell(ours, mallory.says("Follow", alice.actor.uri)) == 202
    await settle(ours)
    thief, before = replace(mallory, pair=pair(7)), len(evil.asked)
    evil.watch.advance(timedelta(minutes=6))
    statuses: set[int] = set()
    for batch in range(20):  # also where each names another key of the same document
        key_id = mallory.key_id if batch < 10 else f"{mallory.key_id}-{batch}"
        likes = [thief.says("Like", alice.actor.uri) for _ in range(50)]
        sent = [thief.tell(ours, like, key_id=key_id) for like in likes]
        statuses |= set(await asyncio.gather(*sent))
    assert statuses == {401}
    assert len(evil.asked) - before == 1
    print(f"\n1000 bad signatures, {len(evil.asked) - before} request")


async def test_first_words_at_once_ask_for_the_key_once(
    ours: Place, alice: Person, evil: Neighbour
) -> None:
    """Whoever comes while the key is being fetched waits for it, and is not turned away."""
    mallory = evil.person("mallory")
    follows = [mallory.says("Follow", alice.actor.uri) for _ in range(10)]
    statuses = await asyncio.gather(*(mallory.tell(ours, one) for one in follows))
    assert set(statuses) == {202}
    assert evil.times_asked("/users/mallory") == 1


# ---- those from whom we do not hear (SECURITY 11, 12) ----


@pytest.mark.parametrize("name", ["evil.example", "example"])
async def test_blocked_server_is_not_heard_and_not_asked(
    ours: Place, alice: Person, evil: Neighbour, internet: Internet, name: str
) -> None:
    await ours.database.write(hosts.set_tier, name, "blocked")
    mallory = evil.person("mallory")
    follow = mallory.says("Follow", alice.actor.uri)
    assert await refused(ours, mallory, follow) == 202
    assert internet.asked == []
    assert evil.asked == []


def suspend(writer: Writer, uri: str, state: ActorState) -> None:
    known = actors.by_uri(writer, uri)
    assert known is not None
    actors.set_moderation_state(writer, known.id, state)


@pytest.mark.parametrize("state", ["suspended", "deleted"])
async def test_suspended_account_is_not_heard(
    ours: Place, alice: Person, evil: Neighbour, state: ActorState
) -> None:
    mallory = evil.person("mallory")
    said = str((await alice.say("Mine"))["uri"])
    await ours.app[RESOLVER].actor(mallory.uri)
    await ours.database.write(suspend, mallory.uri, state)
    for document in one_of_each(mallory, alice, said):
        assert await refused(ours, mallory, document) == 202, document["type"]


async def test_activity_that_could_not_pass_opens_no_socket(
    ours: Place, alice: Person, evil: Neighbour, internet: Internet
) -> None:
    mallory = evil.person("mallory")
    old = mallory.signed_post(ours, mallory.says("Follow", alice.actor.uri))
    evil.watch.advance(timedelta(hours=2))
    wrong = [
        old,
        replace(old, headers={k: v for k, v in old.headers.items() if k != "Signature"}),
        replace(mallory.signed_post(ours, b"{}"), body=b'{"a":1}'),
        mallory.signed_post(ours, b"{}", key_id="mallory"),
    ]
    assert [await one.send(ours) for one in wrong] == [401, 401, 401, 401]
    assert internet.asked == []


# ---- twice is once (SECURITY 6) ----


def one_of_each(who: Stranger, alice: Person, said: str) -> list[Document]:
    """An activity of each type that we know."""
    note = who.note()
    like, follow = who.says("Like", said), who.says("Follow", alice.actor.uri)
    return [
        follow,
        like,
        who.says("Announce", said, to=[PUBLIC]),
        who.says("Create", note | {"cc": [alice.actor.uri]}),
        who.says("Update", note | {"content": "<p>Changed</p>"}),
        who.says("Update", who.document(name="Changed")),
        who.says("Delete", note["id"]),
        who.says("Block", alice.actor.uri),
        who.says("Accept", follow),
        who.says("Reject", follow),
        who.says("Undo", like),
    ]


async def test_repeated_activity_has_no_effect_also_after_a_restart(
    tmp_path: Path, internet: Internet, watch: Watch, evil: Neighbour
) -> None:
    folder = tmp_path / "ours"
    mallory = evil.person("mallory")
    async with serving(folder, "ours.example", internet, watch) as ours:
        alice = await ours.person("alice")
        said = str((await alice.say("Mine"))["uri"])
        documents = one_of_each(mallory, alice, said)
        arrived = [mallory.signed_post(ours, document) for document in documents]
        for sent in arrived:
            assert await sent.send(ours) == 202
            await settle(ours)
        for document in documents:
            if document["type"] in ("Follow", "Like", "Announce", "Block"):
                assert await mallory.tell(ours, mallory.says("Undo", document)) == 202
        await settle(ours)
        before = await ours.database.read(contents)
        for sent in arrived:
            assert await sent.send(ours) == 202
            await settle(ours)
        assert changed(before, await ours.database.read(contents)) == {}
    async with serving(folder, "ours.example", internet, watch) as ours:
        for sent in arrived:
            assert await sent.send(ours) == 202
            await settle(ours)
        assert changed(before, await ours.database.read(contents)) == {}
    print(f"\n{2 * len(arrived)} replays of {len({d['type'] for d in documents})} types")


async def test_words_signed_anew_have_no_effect(
    ours: Place, alice: Person, evil: Neighbour
) -> None:
    """Exception: a relation that was undone in between may be said again by its id (DECISIONS)."""
    mallory = evil.person("mallory")
    said = str((await alice.say("Mine"))["uri"])
    documents = one_of_each(mallory, alice, said)
    for document in documents:
        assert await mallory.tell(ours, document) == 202
        await settle(ours)
    before = await ours.database.read(contents)
    for document in documents:
        if document["type"] not in ("Follow", "Like", "Announce", "Block"):
            evil.watch.advance(timedelta(seconds=1))
            assert await mallory.tell(ours, document) == 202
            await settle(ours)
    assert changed(before, await ours.database.read(contents)) == {}


async def test_follow_may_use_its_id_again_after_it_was_undone(
    ours: Place, alice: Person, evil: Neighbour
) -> None:
    mallory = evil.person("mallory")
    follow = mallory.says("Follow", alice.actor.uri)
    for document in (follow, mallory.says("Undo", follow), follow):
        evil.watch.advance(timedelta(seconds=1))
        assert await mallory.tell(ours, document) == 202
        await settle(ours)
    assert await alice.notified() == [("follow", "mallory@evil.example")]


async def test_id_for_two_follows_is_refused(ours: Place, alice: Person, evil: Neighbour) -> None:
    bob = await ours.person("bob")
    mallory = evil.person("mallory")
    follow = mallory.says("Follow", alice.actor.uri)
    for target in (alice, bob):
        evil.watch.advance(timedelta(seconds=1))
        assert await mallory.tell(ours, follow | {"object": target.actor.uri}) == 202
        await settle(ours)
    assert await verdict(ours, follow) == ("refused", "Another follow has that id.")
    assert await bob.notified() == []


# ---- what it must look like (SECURITY 39, 41) ----

_HEAD = b'"@context":"https://www.w3.org/ns/activitystreams","id":"http://evil.example/a/1"'
_LIKE = _HEAD + b',"type":"Like","actor":"http://evil.example/users/mallory","object":"x"'
UNREADABLE: Mapping[str, bytes] = {
    "nothing": b"",
    "no JSON": b"<p>Hello</p>",
    "a list": b"[]",
    "a text": b'"Like"',
    "not UTF-8": b"{" + _LIKE + b',"name":"\xff"}',
    "NaN": b"{" + _LIKE + b',"n":NaN}',
    "a number too large": b"{" + _LIKE + b',"n":9223372036854775808}',
    "infinite": b"{" + _LIKE + b',"n":1e999}',
    "a key twice": b"{" + _LIKE + b',"type":"Undo"}',
    "NUL": b"{" + _LIKE + b',"name":"\\u0000"}',
    "half a character": b"{" + _LIKE + b',"name":"\\ud800"}',
    "too deep": b"{" + _LIKE + b',"n":' + b"[" * 40 + b"]" * 40 + b"}",
    "too many parts": b"{" + _LIKE + b',"n":[' + b"1," * 10_001 + b"1]}",
    "two actors": dump(
        {"@context": AS, "id": "http://evil.example/a", "type": "Like", "actor": ["a", "b"]}
    ),
    "no actor": dump({"@context": AS, "id": "http://evil.example/a", "type": "Like"}),
    "an id elsewhere": dump(
        {
            "@context": AS,
            "id": "http://victim.example/a/1",
            "type": "Like",
            "actor": "http://evil.example/users/mallory",
        }
    ),
    "@graph": b"{" + _LIKE + b',"@graph":[]}',
    "@included": b"{" + _LIKE + b',"x":{"@included":[]}}',
    "@reverse": b"{" + _LIKE + b',"x":[{"@reverse":{}}]}',
}


@pytest.mark.parametrize("body", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_unreadable_activity_is_refused_at_once(
    ours: Place, alice: Person, evil: Neighbour, body: bytes
) -> None:
    mallory = evil.person("mallory")
    await ours.app[RESOLVER].actor(mallory.uri)
    before = await ours.database.read(contents, without=EVERYTHING)
    assert await mallory.tell(ours, body) == 400
    assert changed(before, await ours.database.read(contents, without=EVERYTHING)) == {}


async def test_body_over_a_mebibyte_is_not_read(
    ours: Place, alice: Person, evil: Neighbour
) -> None:
    mallory = evil.person("mallory")
    long = dump(mallory.says("Create", mallory.note("x" * 1024 * 1024)))
    assert await mallory.tell(ours, long) == 413
    assert evil.asked == []


@pytest.mark.parametrize("type_", ["Offer", "Listen", "Arrive", "EmojiReact", "like", "x" * 90])
async def test_unknown_activity_is_politely_forgotten(
    ours: Place, alice: Person, evil: Neighbour, type_: str
) -> None:
    mallory = evil.person("mallory")
    await ours.app[RESOLVER].actor(mallory.uri)
    assert await refused(ours, mallory, mallory.says(type_, alice.actor.uri)) == 202
