"""Verbs as others say them: what has effect, and what is only a claim (SECURITY B)."""

from typing import Any

import pytest
from aiohttp import web

from federation.vocabulary.json_documents import dump
from federation.vocabulary.sanitize_html import plain
from storage.engine.transaction import Reader
from storage.people import actors
from storage.posts import posts
from tests.federation.saying import asked, follow, hear, homes
from tests.federation.world import (
    ACTIVITY,
    AS,
    PUBLIC,
    Neighbour,
    Stranger,
    changed,
    contents,
)
from tests.support.servers import Person, Place, settle


def words(reader: Reader, uri: str) -> str | None:
    known = posts.by_uri(reader, uri)
    return plain(known.content) if known else None


# ---- following (SECURITY 24) ----


async def test_unaccepted_follow_shows_nothing_and_nobody_else_accepts_it(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour
) -> None:
    vera, mallory = victim.person("vera"), evil.person("mallory")
    number = await alice.find("@vera@victim.example")
    await alice.post(f"/api/v1/accounts/{number}/follow")
    await settle(ours)
    private = vera.note("<p>For followers</p>", to=[f"{vera.uri}/followers"], cc=[])
    for note in (private, vera.note("<p>For all</p>")):
        await hear(ours, vera, vera.says("Create", note))
    assert await homes(alice) == []
    uri = await ours.database.read(asked, vera.uri)
    assert (await hear(ours, mallory, mallory.says("Accept", uri)))[0] == "refused"
    (standing,) = await alice.get("/api/v1/accounts/relationships", **{"id[]": number})
    assert (standing["following"], standing["requested"]) == (False, True)


async def test_accept_that_nobody_asked_for_makes_nobody_follow(
    ours: Place, alice: Person, evil: Neighbour
) -> None:
    mallory = evil.person("mallory")
    invented = {
        "id": f"{alice.actor.uri}#follow",
        "type": "Follow",
        "actor": alice.actor.uri,
        "object": mallory.uri,
    }
    await hear(ours, mallory, mallory.says("Follow", alice.actor.uri))
    before = await ours.database.read(contents)
    for what in (invented, invented["id"], f"{alice.actor.uri}#other"):
        await hear(ours, mallory, mallory.says("Accept", what))
        await hear(ours, mallory, mallory.says("Reject", what))
    assert changed(before, await ours.database.read(contents)) == {}


async def test_reject_and_undo_may_come_twice(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger
) -> None:
    number = await follow(alice, vera)
    uri = await ours.database.read(asked, vera.uri)
    for _ in range(2):
        await hear(ours, vera, vera.says("Reject", uri))
        undone = {"type": "Follow", "actor": vera.uri, "object": alice.actor.uri, "id": vera.uri}
        await hear(ours, vera, vera.says("Undo", undone))
    (standing,) = await alice.get("/api/v1/accounts/relationships", **{"id[]": number})
    assert not (standing["following"] or standing["followed_by"] or standing["requested"])


async def test_follow_without_an_id_is_understood(
    ours: Place, alice: Person, victim: Neighbour
) -> None:
    vera = victim.person("vera")
    nameless = {"@context": AS, "type": "Follow", "actor": vera.uri, "object": alice.actor.uri}
    assert await vera.tell(ours, nameless) == 202
    await settle(ours)
    assert await alice.notified() == [("follow", "vera@victim.example")]


@pytest.mark.parametrize("name", ["actor", "actors/1"])
async def test_server_actor_and_nobody_are_not_followed(
    ours: Place, alice: Person, victim: Neighbour, name: str
) -> None:
    vera = victim.person("vera")
    await hear(ours, vera, vera.says("Follow", f"http://ours.example/{name}"))
    rows = await ours.database.read(
        lambda reader: reader.rows(
            "SELECT * FROM follows f JOIN actors w ON w.id = f.follower WHERE w.host <> ''"
        )
    )
    assert rows == []


# ---- what is inside, and whose it is (SECURITY 16, 18, 19, 23) ----


async def test_announce_shows_what_its_origin_says(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour
) -> None:
    mallory, vera = evil.person("mallory"), victim.person("vera")
    await follow(alice, mallory)
    genuine = vera.note("<p>Genuine</p>")
    victim.serves(genuine)
    forged = genuine | {"content": "<p>Forged</p>"}
    assert (await hear(ours, mallory, mallory.says("Announce", forged, to=[PUBLIC])))[0] == "done"
    assert await homes(alice) == ["Genuine"]


async def test_announce_of_what_is_not_there_brings_nothing(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour
) -> None:
    mallory, vera = evil.person("mallory"), victim.person("vera")
    await follow(alice, mallory)
    verdict_ = await hear(ours, mallory, mallory.says("Announce", vera.note(), to=[PUBLIC]))
    assert verdict_[0] == "refused"
    assert await homes(alice) == []


@pytest.mark.parametrize("type_", ["Create", "Delete", "Undo", "Block"])
async def test_activity_inside_an_announce_is_not_carried_out(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour, type_: str
) -> None:
    """Hints that their origin does not confirm; what it confirms is in `test_reported_acts`."""
    mallory, vera = evil.person("mallory"), victim.person("vera")
    await follow(alice, mallory)
    await follow(alice, vera)
    known = vera.note("<p>First</p>")
    await hear(ours, vera, vera.says("Create", known))
    victim.serves(known)
    inner = {
        "Create": vera.note("<p>New</p>"),
        "Undo": vera.says("Like", known["id"]),
        "Block": alice.actor.uri,
    }.get(type_, known["id"])
    wrapped = vera.says(type_, inner)
    victim.serves(wrapped)
    before = await ours.database.read(contents)
    assert (await hear(ours, mallory, mallory.says("Announce", wrapped)))[0] == "refused"
    assert changed(before, await ours.database.read(contents)) == {}


async def test_known_activity_is_not_taken_over_by_the_same_id(
    ours: Place, alice: Person, victim: Neighbour
) -> None:
    """Another actor of the same server claims it (SECURITY 18)."""
    vera, victor = victim.person("vera"), victim.person("victor")
    await follow(alice, vera)
    await follow(alice, victor)
    known = vera.note("<p>First</p>")
    await hear(ours, vera, vera.says("Create", known))
    before = await ours.database.read(contents)
    taken = known | {"attributedTo": victor.uri, "content": "<p>Mine now</p>"}
    for type_ in ("Create", "Update"):
        await hear(ours, victor, victor.says(type_, taken))
    aliased = victor.note("<p>Mine</p>", atomUri=known["id"])
    assert (await hear(ours, victor, victor.says("Create", aliased)))[0] == "done"
    after = changed(before, await ours.database.read(contents))
    assert set(after) <= {"posts", "home_entries", "audiences", "account_counts"}
    assert await ours.database.read(words, known["id"]) == "First"


async def test_posts_on_our_server_are_said_by_nobody_else(
    ours: Place, alice: Person, evil: Neighbour
) -> None:
    mallory = evil.person("mallory")
    said = await alice.say("Mine")
    await follow(alice, mallory)
    before = await ours.database.read(contents)
    own = f"http://ours.example/posts/{said['id']}"
    for id_ in (own, "http://ours.example/posts/1", "http://ours.example/actors/1"):
        for author in (mallory.uri, alice.actor.uri):
            note = mallory.note(id=id_, attributedTo=author)
            for type_ in ("Create", "Update"):
                await mallory.tell(ours, mallory.says(type_, note))
                await settle(ours)
    profile = mallory.document(id=alice.actor.uri, name="Mallory's", inbox=f"{own}/inbox")
    await mallory.tell(ours, mallory.says("Update", profile))
    await mallory.tell(ours, mallory.says("Delete", own))
    await mallory.tell(ours, mallory.says("Delete", alice.actor.uri))
    await settle(ours)
    assert changed(before, await ours.database.read(contents)) == {}


@pytest.mark.parametrize(
    "more",
    [
        {"attributedTo": None},
        {"attributedTo": []},
        {"attributedTo": ["{who}", "{who}2"]},
        {"attributedTo": {"id": "{who}2"}},
        {"attributedTo": "{who}/"},
        {"attributedTo": "http://victim.example/users/vera"},
        {"id": None},
        {"id": "http://victim.example/notes/1"},
        {"id": "notes/1"},
        {"id": ["{who}1"]},
        {"type": None},
        {"type": "Person"},
        {"type": []},
    ],
)
async def test_post_of_somebody_else_or_of_nobody_is_refused(
    ours: Place, alice: Person, evil: Neighbour, more: dict[str, Any]
) -> None:
    mallory = evil.person("mallory")
    await follow(alice, mallory)
    note = mallory.note() | {
        name: value.format(who=mallory.uri) if isinstance(value, str) else value
        for name, value in more.items()
    }
    if more == {"id": ["{who}1"]}:
        note["id"] = [f"{mallory.uri}1", f"{mallory.uri}2"]
    assert (await hear(ours, mallory, mallory.says("Create", note)))[0] == "refused"
    assert await homes(alice) == []


# ---- relayed words are hints (DECISIONS) ----


async def test_relayed_post_is_taken_from_its_origin(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour
) -> None:
    vera, mallory = victim.person("vera"), evil.person("mallory")
    await follow(alice, vera)
    genuine = vera.note("<p>Genuine</p>")
    victim.serves(genuine)
    relayed = vera.says("Create", genuine | {"content": "<p>Forged</p>"})
    assert (await hear(ours, mallory, relayed))[0] == "done"
    assert await homes(alice) == ["Genuine"]
    late = vera.says("Update", genuine | {"content": "<p>Forged</p>"})
    assert (await hear(ours, mallory, late))[0] == "done"
    assert await homes(alice) == ["Genuine"]
    seen = (await alice.home())[0]
    assert seen["edited_at"] is None


async def deletes(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour, *, status: int, private: bool
) -> bool:
    """Whether a relayed Delete takes a post away, when its origin answers with this status."""
    vera, mallory = victim.person("vera"), evil.person("mallory")
    await follow(alice, vera)
    to = [f"{vera.uri}/followers"] if private else [PUBLIC]
    known = vera.note("<p>First</p>", to=to)
    await hear(ours, vera, vera.says("Create", known))

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status)

    victim.answers[known["id"].removeprefix(victim.origin)] = answer
    await hear(ours, mallory, vera.says("Delete", known["id"]))
    return await ours.database.read(words, known["id"]) is None


@pytest.mark.parametrize(
    ("status", "private", "expected"),
    [
        (410, False, True),
        (404, False, True),
        (410, True, True),
        (404, True, False),  # it may be there, and not for us
        (200, False, False),
        (403, False, False),
        (401, True, False),
        (500, False, False),
    ],
)
async def test_relayed_delete_counts_when_the_origin_says_that_it_is_gone(
    ours: Place,
    alice: Person,
    evil: Neighbour,
    victim: Neighbour,
    status: int,
    private: bool,
    expected: bool,
) -> None:
    found = await deletes(ours, alice, evil, victim, status=status, private=private)
    assert found is expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (410, "deleted"),
        (200, "deleted"),  # with a Tombstone
        (404, "active"),  # a fault that passes
        (403, "active"),
        (500, "active"),
    ],
)
async def test_relayed_farewell_counts_only_when_the_origin_says_that_they_are_gone(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour, status: int, expected: str
) -> None:
    """Deletion of a post needs only a 404; an actor takes everything they ever said with them."""
    vera, mallory = victim.person("vera"), evil.person("mallory")
    await follow(alice, vera)
    await hear(ours, vera, vera.says("Create", vera.note("<p>Still here</p>")))
    await hear(ours, mallory, mallory.says("Follow", alice.actor.uri))  # whose key we know
    body = dump({"@context": AS, "id": vera.uri, "type": "Tombstone"})

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, body=body, content_type=ACTIVITY)

    victim.answers["/users/vera"] = answer
    await hear(ours, mallory, vera.says("Delete", vera.uri))
    assert await ours.database.read(actors.effective_state_of, vera.uri) == expected
    assert await homes(alice) == ([] if expected == "deleted" else ["Still here"])


async def test_relayed_delete_of_what_is_not_there_yet_keeps_nothing_out(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour
) -> None:
    """Else whoever guesses the next address could silence somebody."""
    vera, mallory = victim.person("vera"), evil.person("mallory")
    await follow(alice, vera)
    soon = vera.note("<p>Soon</p>")
    assert (await hear(ours, mallory, vera.says("Delete", soon["id"])))[0] == "refused"
    await hear(ours, vera, vera.says("Create", soon))
    assert await homes(alice) == ["Soon"]


async def test_document_with_a_signature_inside_has_no_more_authority(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour
) -> None:
    """LD signatures are not even looked at (SECURITY 21)."""
    vera, mallory = victim.person("vera"), evil.person("mallory")
    await follow(alice, vera)
    signature = {"type": "RsaSignature2017", "creator": vera.key_id, "signatureValue": "AAAA"}
    note = vera.note()
    relayed = vera.says("Create", note, signature=signature)
    assert (await hear(ours, mallory, relayed))[0] == "refused"
    assert await ours.database.read(words, note["id"]) is None


# ---- what is wanted (SECURITY 26, 28, 76) ----


async def test_strangers_post_is_not_kept(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour
) -> None:
    mallory, vera = evil.person("mallory"), victim.person("vera")
    victim.serves(vera.note())
    for note in (
        mallory.note(),
        mallory.note(to=[f"{mallory.uri}/followers"]),
        mallory.note(to=[vera.uri]),
        mallory.note(inReplyTo=next(iter(victim.documents.values()))["id"]),
        mallory.note(to=["http://ours.example/actors/1"]),
    ):
        assert (await hear(ours, mallory, mallory.says("Create", note)))[0] == "refused"
        assert await ours.database.read(words, note["id"]) is None
    await follow(alice, vera)
    known = vera.note()
    await hear(ours, vera, vera.says("Create", known))
    for id_ in (known["id"], vera.note()["id"]):
        announce = mallory.says("Announce", id_, to=[PUBLIC])
        assert (await hear(ours, mallory, announce))[0] == "refused"


async def test_stranger_who_speaks_to_one_of_ours_is_heard(
    ours: Place, alice: Person, evil: Neighbour
) -> None:
    mallory = evil.person("mallory")
    mention = {"type": "Mention", "href": alice.actor.uri, "name": "@alice@ours.example"}
    said = await alice.say("Who is there?")
    for note in (
        mallory.note(to=[alice.actor.uri], tag=mention),
        mallory.note(inReplyTo=f"http://ours.example/posts/{said['id']}"),
    ):
        assert (await hear(ours, mallory, mallory.says("Create", note)))[0] == "done"
    assert ("mention", "mallory@evil.example") in await alice.notified()


async def test_like_and_boost_count_once(ours: Place, alice: Person, evil: Neighbour) -> None:
    mallory = evil.person("mallory")
    said = await alice.say("Mine")
    for _ in range(3):
        for type_ in ("Like", "Announce"):
            what = mallory.says(type_, said["uri"], to=[PUBLIC])
            assert (await hear(ours, mallory, what))[0] == "done"
    seen = await alice.get(f"/api/v1/statuses/{said['id']}")
    assert (seen["favourites_count"], seen["reblogs_count"]) == (1, 1)
    undo = mallory.says("Undo", mallory.says("Like", said["uri"]))
    await hear(ours, mallory, undo)
    assert (await alice.get(f"/api/v1/statuses/{said['id']}"))["favourites_count"] == 0


@pytest.mark.parametrize("type_", ["Like", "Announce"])
@pytest.mark.parametrize("visibility", ["private", "direct", "local"])
async def test_unseen_post_gets_no_reactions(
    ours: Place, alice: Person, evil: Neighbour, type_: str, visibility: str
) -> None:
    mallory = evil.person("mallory")
    said = await alice.say("Mine", visibility=visibility)
    reaction = mallory.says(type_, said["uri"], to=[PUBLIC])
    assert (await hear(ours, mallory, reaction))[0] == "refused"
    assert await alice.notified() == []


async def test_followers_only_post_is_not_boosted_by_a_follower(
    ours: Place, alice: Person, vera: Stranger
) -> None:
    said = await alice.say("For followers", visibility="private")
    announce = vera.says("Announce", said["uri"], to=[PUBLIC])
    assert (await hear(ours, vera, announce))[0] == "refused"
    assert (await hear(ours, vera, vera.says("Like", said["uri"])))[0] == "done"


async def test_blocked_account_is_not_heard_whatever_it_says(
    ours: Place, alice: Person, evil: Neighbour
) -> None:
    mallory = evil.person("mallory")
    said = await alice.say("Mine")
    number = await alice.find("@mallory@evil.example")
    await alice.post(f"/api/v1/accounts/{number}/block")
    await settle(ours)
    for document in (
        mallory.says("Follow", alice.actor.uri),
        mallory.says("Like", said["uri"]),
        mallory.says("Announce", said["uri"], to=[PUBLIC]),
        mallory.says("Create", mallory.note(to=[alice.actor.uri], inReplyTo=said["uri"])),
    ):
        await hear(ours, mallory, document)
    assert await alice.notified() == []
    seen = await alice.get(f"/api/v1/statuses/{said['id']}")
    assert (seen["favourites_count"], seen["reblogs_count"], seen["replies_count"]) == (0, 0, 0)


# ---- order (RELIABILITY 1) ----


async def test_delete_before_its_create_counts_for_its_author_only(
    ours: Place, alice: Person, victim: Neighbour
) -> None:
    vera, victor = victim.person("vera"), victim.person("victor")
    await follow(alice, vera)
    gone, kept = vera.note("<p>Gone</p>"), vera.note("<p>Kept</p>")
    await hear(ours, vera, vera.says("Delete", gone["id"]))
    await hear(ours, victor, victor.says("Delete", kept["id"]))
    await hear(ours, vera, vera.says("Create", gone))
    await hear(ours, vera, vera.says("Create", kept))
    assert await homes(alice) == ["Kept"]


async def test_deleted_account_is_gone(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger
) -> None:
    await follow(alice, vera)
    await hear(ours, vera, vera.says("Create", vera.note()))
    await hear(ours, vera, vera.says("Delete", vera.uri))
    assert await homes(alice) == []
    known = await ours.database.read(actors.by_uri, vera.uri)
    assert known is not None
    assert known.effective_state == "deleted"


async def test_farewell_of_somebody_we_never_knew_asks_nobody(
    ours: Place, alice: Person, evil: Neighbour
) -> None:
    mallory = evil.person("mallory")
    evil.asked.clear()
    assert await mallory.tell(ours, mallory.says("Delete", mallory.uri)) == 202
    assert evil.asked == []


async def test_known_activity_is_no_news_and_no_fault(
    ours: Place, alice: Person, victim: Neighbour
) -> None:
    """The same post in other Creates, by its author and by a neighbour (SECURITY 18)."""
    vera, victor = victim.person("vera"), victim.person("victor")
    for who in (vera, victor):
        await follow(alice, who)
    known = vera.note("<p>First</p>")
    await hear(ours, vera, vera.says("Create", known))
    before = await ours.database.read(contents)
    for who, state in ((vera, "done"), (victor, "refused")):
        again = known | {"attributedTo": who.uri, "content": "<p>Second</p>"}
        assert (await hear(ours, who, who.says("Create", again)))[0] == state
    after = changed(before, await ours.database.read(contents))
    assert set(after) <= {"actors", "keys", "account_counts"}
