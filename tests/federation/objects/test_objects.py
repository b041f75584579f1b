"""Actors and posts as values: whatever others write is read or refused, and ours is read back."""

from copy import deepcopy
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from federation.activity import parse_activity
from federation.errors import FederationError, Malformed
from federation.objects import actor, note
from federation.objects.note import Mention, Note
from federation.transport.keys import make_ed25519
from federation.transport.urls import host_of
from federation.vocabulary.sanitize_html import clean, plain
from storage.engine.ids import ActorId
from storage.engine.site import Site
from storage.people.actors import Actor, Field
from storage.people.keys import Key
from tests.federation.world import AS, PUBLIC, SECURITY, pair

HOST = "https://away.example"
WHO = f"{HOST}/users/bob"
NOTE: dict[str, Any] = {
    "id": f"{HOST}/notes/1",
    "type": "Note",
    "attributedTo": WHO,
    "content": "<p>Hello</p>",
    "to": [PUBLIC],
    "cc": [f"{WHO}/followers"],
    "published": "2026-11-05T11:46:50Z",
    "url": f"{HOST}/@bob/1",
    "tag": [{"type": "Mention", "href": WHO, "name": "@bob"}],
    "inReplyTo": f"{HOST}/notes/0",
}
PERSON: dict[str, Any] = {
    "@context": [AS, SECURITY],
    "id": WHO,
    "type": "Person",
    "preferredUsername": "bob",
    "name": "Bob",
    "inbox": f"{WHO}/inbox",
    "outbox": f"{WHO}/outbox",
    "followers": f"{WHO}/followers",
    "endpoints": {"sharedInbox": f"{HOST}/inbox"},
    "icon": {"type": "Image", "url": f"{HOST}/a.png"},
    "attachment": [{"type": "PropertyValue", "name": "Plot", "value": "7"}],
    "publicKey": {"id": f"{WHO}#main-key", "owner": WHO, "publicKeyPem": pair(0).public_pem},
}


# ---- any type at all (SECURITY 42) ----

JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(min_value=-(2**63), max_value=2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20)
    | st.sampled_from([WHO, PUBLIC, f"{HOST}/x", "javascript:alert(1)", "http://[::1", "\x00"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "id",
                    "type",
                    "href",
                    "url",
                    "name",
                    "value",
                    "owner",
                    "publicKeyPem",
                    "sharedInbox",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=6,
)


def _tampered(document: dict[str, Any], name: str, value: object) -> dict[str, Any]:
    return deepcopy(document) | {name: value}


@given(st.sampled_from([*NOTE, "name", "summary", "contentMap", "context", "sensitive"]), JSON)
def test_post_with_anything_anywhere_is_read_or_refused(name: str, value: object) -> None:
    try:
        said = note.parse(_tampered(NOTE, name, value))
    except FederationError:
        return
    assert said.author.startswith(f"{HOST}/")
    assert clean(str(said.content)) == said.content


@given(
    st.sampled_from([*PERSON, "summary", "url", "image", "alsoKnownAs", "movedTo", "accessType"]),
    JSON,
)
def test_actor_with_anything_anywhere_is_read_or_refused(name: str, value: object) -> None:
    try:
        found = actor.parse(_tampered(PERSON, name, value))
    except FederationError:
        return
    assert found.row.inbox.startswith(f"{HOST}/")
    assert all(key.id.startswith(f"{HOST}/") for key in found.keys)


@given(
    st.sampled_from(
        ["Follow", "Like", "Announce", "Undo", "Accept", "Reject", "Create", "Update", "Delete"]
    ),
    st.sampled_from(["id", "actor", "object", "to", "published"]),
    JSON,
)
def test_activity_with_anything_anywhere_is_read_or_refused(
    type_: str, name: str, value: object
) -> None:
    document = {"id": f"{HOST}/a/1", "type": type_, "actor": WHO, "object": NOTE}
    try:
        activity = parse_activity(_tampered(document, name, value))
    except FederationError:
        return
    assert host_of(activity.id) == host_of(activity.actor)  # whatever was put in (SECURITY 16)


# ---- sizes (SECURITY 42) ----


def test_long_text_is_cut() -> None:
    crowd = [{"type": "Mention", "href": f"{HOST}/u/{n}", "name": "@u"} for n in range(60)]
    tags = [{"type": "Hashtag", "name": f"#tag{n}"} for n in range(60)]
    said = note.parse(
        NOTE
        | {
            "content": "x" * 200_000,
            "summary": "x" * 2_000,
            "tag": [*crowd, *tags],
            "to": [f"{HOST}/u/{n}" for n in range(700)],
        }
    )
    assert len(plain(said.content)) <= 100_000
    assert len(said.spoiler) == 500
    assert (len(said.mentions), len(said.hashtags), len(said.to)) == (50, 50, 500)
    found = actor.parse(
        PERSON
        | {
            "name": "x" * 5_000,
            "summary": "x" * 50_000,
            "attachment": [{"type": "PropertyValue", "name": "n", "value": "x" * 9_000}] * 40,
            "alsoKnownAs": [f"{HOST}/u/{n}" for n in range(400)],
            "publicKey": [PERSON["publicKey"]] * 40,
        }
    )
    assert len(found.row.display_name) == 500
    assert len(plain(found.row.summary)) <= 20_000
    assert (len(found.row.fields), len(found.row.also_known_as)) == (16, 256)
    assert all(len(plain(one.value)) <= 2_048 for one in found.row.fields)
    assert len(found.keys) <= 10


# ---- whose it is ----


@pytest.mark.parametrize(
    "name", ["outbox", "followers", "following", "featured", "endpoints", "inbox"]
)
def test_boxes_and_collections_of_an_actor_are_on_its_own_server(name: str) -> None:
    elsewhere = "https://victim.example/inbox"
    value = {"sharedInbox": elsewhere} if name == "endpoints" else elsewhere
    if name == "inbox":
        with pytest.raises(Malformed):
            actor.parse(PERSON | {name: value})
        return
    row = actor.parse(PERSON | {name: value}).row
    assert "victim" not in repr(row)


@pytest.mark.parametrize(
    "url",
    ["javascript:alert(1)", "data:text/html,x", "//evil.example", "https://a@b.example/", 7, None],
)
def test_addresses_for_people_are_http_and_nothing_else(url: object) -> None:
    assert note.parse(NOTE | {"url": url}).url is None
    assert actor.parse(PERSON | {"url": url, "icon": {"url": url}}).row.url is None


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, "open"),
        ({"manuallyApprovesFollowers": True}, "private"),
        ({"accessType": "closed"}, "closed"),
        ({"accessType": "private"}, "private"),
        ({"accessType": "open", "manuallyApprovesFollowers": True}, "private"),
        ({"accessType": "something"}, "open"),
    ],
)
def test_group_is_private_when_either_word_says_so(more: dict[str, Any], expected: str) -> None:
    assert actor.parse(PERSON | {"type": "Group"} | more).row.access == expected
    assert actor.parse(PERSON | more).row.access == "open"


# ---- ours, read back ----


def test_post_of_ours_is_read_as_it_was_written() -> None:
    said = Note(
        id=f"{HOST}/posts/1",
        author=WHO,
        content=clean("<p>Hello <a href='https://x.example/'>x</a></p>"),
        spoiler="careful",
        sensitive=True,
        language="de",
        published=datetime(2026, 11, 24, 8, 0, tzinfo=UTC),
        updated=datetime(2026, 11, 24, 9, 0, tzinfo=UTC),
        url=f"{HOST}/@bob/1",
        in_reply_to=f"{HOST}/posts/0",
        context=f"{HOST}/contexts/1",
        to=(PUBLIC,),
        cc=(f"{WHO}/followers",),
        mentions=(Mention(WHO, "@bob"),),
        hashtags=("Garden",),
        tag_links=(f"{HOST}/tags/garden",),
    )
    read_back = note.parse(note.render(said))
    assert read_back == Note(
        **{
            name: getattr(said, name)
            for name in Note.__dataclass_fields__
            if name not in ("tag_links", "own", "source", "application")
        }
    )


def test_actor_of_ours_is_read_as_it_was_written() -> None:
    made = make_ed25519()
    row = Actor(
        id=ActorId(7),
        uri=f"{HOST}/actors/7",
        type="Person",
        name="alice",
        display_name="Alice",
        summary="<p>I garden.</p>",
        fields=(Field("Plot", "7"),),
        inbox=f"{HOST}/actors/7/inbox",
        outbox=f"{HOST}/actors/7/outbox",
        followers=f"{HOST}/actors/7/followers",
        following=f"{HOST}/actors/7/following",
        featured=f"{HOST}/actors/7/featured",
        avatar="0123.png",
        locked=True,
        discoverable=True,
    )
    keys = [
        Key(f"{row.uri}#main-key", row.id, "rsa", pair(0).public_pem),
        Key(f"{row.uri}#ed25519", row.id, "ed25519", made.public_pem),
    ]
    site = Site("away.example", "away.example")
    found = actor.parse(actor.render(site, row, keys, f"{HOST}/media"))
    assert found.claimed_handle == "alice@away.example"
    assert [key.id for key in found.keys] == [f"{row.uri}#main-key"]
    same = ("uri", "type", "name", "display_name", "summary", "inbox", "outbox", "followers")
    for name in (*same, "following", "featured", "locked", "discoverable", "fields"):
        assert getattr(found.row, name) == getattr(row, name), name
    assert found.row.avatar == f"{HOST}/media/0123.png"
    assert found.row.shared_inbox == f"{HOST}/inbox"


AWAY = "https://away.example"
ZOE, CO, ELSEWHERE = f"{AWAY}/users/zoe", f"{AWAY}/users/coauthor", "https://else.example/users/x"


@pytest.mark.parametrize(
    ("authors", "by", "author"),
    [
        ([ZOE, CO], ZOE, ZOE),
        ([CO, ZOE], ZOE, ZOE),
        ([{"type": "Person", "id": CO}, {"type": "Group", "id": ZOE}], ZOE, ZOE),
        ([CO, ZOE], f"{AWAY}/users/other", CO),  # whose Create is refused then
        ([ELSEWHERE, ZOE], None, ZOE),
        ([{"type": "Group", "id": CO}, {"type": "Person", "id": ZOE}], None, ZOE),
        ([ZOE], ELSEWHERE, ZOE),
        ([ELSEWHERE, f"{ELSEWHERE}2"], None, None),
        ([7, None], None, None),
    ],
)
def test_author_of_several_is_the_one_who_says_it(
    authors: list[object], by: str | None, author: str | None
) -> None:
    """SECURITY 16."""
    document = {"id": f"{AWAY}/notes/1", "type": "Note", "attributedTo": authors, "content": "x"}
    if author is None:
        with pytest.raises(Malformed):
            note.parse(document, by)
    else:
        assert note.parse(document, by).author == author
