"""A parameter or field that protects is honoured or refused, never ignored (SECURITY 95).

Each beside a value that it can have, one that nobody knows, and one of another type.
"""

from collections.abc import Callable
from typing import Any

import pytest

from federation.objects import note as note_object
from tests.federation.saying import follow, hear
from tests.federation.world import PUBLIC, Document, Neighbour, Stranger
from tests.support.servers import Person, Place, settle

REFUSED = "refused"
Honoured = Callable[[Any], bool]
POST = {"status": "Hear me."}
CHOICE: dict[str, Any] = {"options": ["a", "b"], "expires_in": 3600}
POLL: dict[str, Any] = {"status": "Which?", "poll": CHOICE}
UNKNOWN = "no-such-thing"


def wrong(name: str, base: dict[str, Any] = POST) -> list[tuple[dict[str, Any], str]]:
    """A value that nobody knows, and values of another type."""
    return [({**base, name: value}, REFUSED) for value in (UNKNOWN, ["public"], {"a": "b"})]


def flagged(name: str, base: dict[str, Any] = POST) -> list[tuple[dict[str, Any], str]]:
    return [({**base, name: value}, REFUSED) for value in (["true"], {"a": "b"}, [])]


def policy(deed: str, kind: str) -> Honoured:
    return lambda body: body["interaction_policy"][deed] == kind


def of_policies(deed: str) -> list[tuple[dict[str, Any], Honoured | str]]:
    said = [
        ({**POST, "interaction_policy": {deed: kind}}, policy(deed, kind))
        for kind in ("public", "followers", "nobody")
    ]
    bad = [
        ({**POST, "interaction_policy": {deed: value}}, REFUSED)
        for value in (UNKNOWN, ["nobody"], {"always": ["nobody"]})
    ]
    return [*said, *bad]


# (method, address): what is sent, and whether the answer shows that it holds.
NEW: list[tuple[dict[str, Any], Honoured | str]] = [
    *(
        ({**POST, "visibility": one}, lambda body, one=one: body["visibility"] == one)
        for one in ("public", "unlisted", "private", "direct")
    ),
    ({**POST, "visibility": "local"}, lambda body: body["local_only"]),
    *wrong("visibility"),
    ({**POST, "visibility": "limited"}, REFUSED),
    *(({**POST, "local_only": one}, lambda body: body["local_only"]) for one in (True, "1", "yes")),
    *flagged("local_only"),
    *(({**POST, "sensitive": one}, lambda body: body["sensitive"]) for one in (True, "1", "maybe")),
    *flagged("sensitive"),
    ({**POST, "spoiler_text": ["x"]}, REFUSED),
    *(
        ({**POST, "quote_approval_policy": one}, policy("quote", one))
        for one in ("public", "followers", "nobody")
    ),
    *wrong("quote_approval_policy"),
    (
        {**POST, "quote_approval_policy": "public", "interaction_policy": {"quote": "nobody"}},
        policy("quote", "nobody"),
    ),
    (
        {**POST, "quote_approval_policy": "nobody", "interaction_policy": {"quote": "public"}},
        policy("quote", "nobody"),
    ),
    *(case for deed in ("reply", "favourite", "reblog", "quote") for case in of_policies(deed)),
    ({**POST, "interaction_policy": {"can_reply": {"always": ["author"]}}}, REFUSED),
    ({**POST, "interaction_policy": "nobody"}, REFUSED),
    ({**POST, "scheduled_at": UNKNOWN}, REFUSED),
    ({**POST, "scheduled_at": ["2030-01-01"]}, REFUSED),
    ({**POST, "in_reply_to_id": UNKNOWN}, REFUSED),
    (
        {**POLL, "poll": {**CHOICE, "hide_totals": True}},
        lambda body: body["poll"] is not None,  # that it holds: journeys/test_polls.py
    ),
    *(
        ({**POLL, "poll": {**CHOICE, "hide_totals": one}}, REFUSED)
        for one in (["true"], {"a": "b"})
    ),
]


@pytest.mark.parametrize("later", [False, True])
async def test_protecting_fields_of_a_post_are_honoured_or_refused(
    ours: Place, alice: Person, later: bool
) -> None:
    """Protection holds for a post for later, too, which is what it will be once it is due."""
    cells = 0
    for number, (form, expected) in enumerate(NEW):
        if later and ("scheduled_at" in form or "poll" in form):
            continue
        due = f"2027-05-{1 + number % 28:02}T12:00:00Z"
        asked = {**form, "scheduled_at": due} if later else form
        status, body = await alice.ask("POST", "/api/v1/statuses", json=asked)
        if expected is REFUSED or isinstance(expected, str):
            assert 400 <= status < 500, form
            assert body["error"], form
        else:
            assert status == 200, (form, body)
            assert later or expected(body), (form, body)
        cells += 1
    refused = sum(isinstance(expected, str) for _, expected in NEW)
    said = await alice.get(f"/api/v1/accounts/{alice.id}/statuses?limit=40")
    planned = await alice.get("/api/v1/scheduled_statuses?limit=40")
    print(f"{cells} cells; {len(said)} said, {len(planned)} for later, {refused} refused")


EDITS: list[tuple[str, dict[str, Any], bool]] = [
    ("public", {"visibility": "private"}, False),
    ("public", {"visibility": "unlisted"}, False),
    ("public", {"visibility": "direct"}, False),
    ("public", {"visibility": "local"}, False),
    ("public", {"local_only": True}, False),
    ("public", {"visibility": UNKNOWN}, False),
    ("public", {"visibility": ["private"]}, False),
    ("unlisted", {"visibility": "private"}, False),
    ("private", {"visibility": "direct"}, False),
    ("public", {"visibility": "public"}, True),
    ("private", {"visibility": "private"}, True),
    ("private", {"visibility": "public"}, True),  # what is more than it was is not given
    ("public", {"visibility": "", "local_only": False}, True),
]


@pytest.mark.parametrize(("visibility", "params", "allowed"), EDITS)
async def test_edit_for_fewer_readers_is_refused_and_one_for_more_gives_none(
    alice: Person, visibility: str, params: dict[str, Any], allowed: bool
) -> None:
    said = await alice.say("Before.", visibility=visibility)
    path = f"/api/v1/statuses/{said['id']}"
    status, _ = await alice.ask("PUT", path, json={"status": "After.", **params})
    assert (status == 200) == allowed
    now = await alice.get(path)
    assert now["visibility"] == visibility
    assert ("After" in now["content"]) == allowed


async def test_post_for_later_is_not_made_for_fewer_by_its_time(alice: Person) -> None:
    planned = await alice.say("Later.", scheduled_at="2027-05-01T12:00:00Z")
    path, at = f"/api/v1/scheduled_statuses/{planned['id']}", "2027-06-01T12:00:00Z"
    for more in ({"visibility": "private"}, {"local_only": True}, {"params": {"visibility": "p"}}):
        assert (await alice.ask("PUT", path, json={"scheduled_at": at, **more}))[0] == 422
    assert (await alice.ask("PUT", path, json={"scheduled_at": at}))[0] == 200


OF_PROFILES: list[tuple[dict[str, Any], Honoured | str]] = [
    *(
        ({"source": {"privacy": one}}, lambda body, one=one: body["source"]["privacy"] == one)
        for one in ("public", "unlisted", "private")
    ),
    *(
        ({"source": {"privacy": one}}, REFUSED)
        for one in (UNKNOWN, "direct", ["private"], {"a": 1})
    ),
    *(
        ({"source": {"quote_policy": one}}, lambda b, one=one: b["source"]["quote_policy"] == one)
        for one in ("public", "followers", "nobody")
    ),
    *(({"source": {"quote_policy": one}}, REFUSED) for one in (UNKNOWN, ["nobody"], {"a": 1})),
    ({"source": {"sensitive": True}}, lambda body: body["source"]["sensitive"]),
    ({"source": {"sensitive": ["true"]}}, REFUSED),
    ({"source": "private"}, REFUSED),
    *(
        ({name: given}, lambda body, name=name, given=given: body[name] is given)
        for name in ("locked", "discoverable", "indexable", "hide_collections", "bot")
        for given in (True, False)
    ),
    *(
        ({name: given}, REFUSED)
        for name in ("locked", "discoverable", "indexable", "hide_collections", "bot")
        for given in (["true"], {"a": "b"})
    ),
]
OF_FOLLOWS: list[tuple[dict[str, Any], Honoured | str]] = [
    ({"reblogs": False}, lambda body: body["showing_reblogs"] is False),
    ({"notify": True}, lambda body: body["notifying"] is True),
    *(({name: ["x"]}, REFUSED) for name in ("reblogs", "notify")),
    ({"languages": ["de"]}, lambda body: body["languages"] == ["de"]),
    ({"languages": ["!"]}, REFUSED),
    ({"languages": {"a": {"b": "c"}}}, REFUSED),
]
OF_MUTES: list[tuple[dict[str, Any], Honoured | str]] = [
    ({"notifications": True}, lambda body: body["muting_notifications"]),
    ({"notifications": False}, lambda body: not body["muting_notifications"]),
    ({"notifications": ["true"]}, REFUSED),
    ({"duration": 60}, lambda body: body["muting_expires_at"] is not None),
    ({"duration": 0}, lambda body: body["muting"] and body["muting_expires_at"] is None),
    ({"duration": UNKNOWN}, REFUSED),
    ({"duration": [60]}, REFUSED),
]
LIST = {"title": "Friends"}
OF_LISTS: list[tuple[dict[str, Any], Honoured | str]] = [
    *(
        ({**LIST, "replies_policy": one}, lambda body, one=one: body["replies_policy"] == one)
        for one in ("followed", "list", "none")
    ),
    *wrong("replies_policy", LIST),
    ({**LIST, "exclusive": True}, lambda body: body["exclusive"]),
    *flagged("exclusive", LIST),
]
FILTER = {"title": "Noise", "context": ["home"], "keywords_attributes": [{"keyword": "noise"}]}
OF_FILTERS: list[tuple[dict[str, Any], Honoured | str]] = [
    *(
        ({**FILTER, "context": [one]}, lambda body, one=one: body["context"] == [one])
        for one in ("home", "notifications", "public", "thread", "account")
    ),
    ({**FILTER, "context": [UNKNOWN]}, REFUSED),
    ({**FILTER, "context": ["home", UNKNOWN]}, REFUSED),
    ({**FILTER, "context": [["home"]]}, REFUSED),
    ({**FILTER, "context": []}, REFUSED),
    ({**FILTER, "filter_action": "hide"}, lambda body: body["filter_action"] == "hide"),
    *wrong("filter_action", FILTER),
    ({**FILTER, "expires_in": 60}, lambda body: body["expires_at"] is not None),
    *(({**FILTER, "expires_in": one}, REFUSED) for one in (UNKNOWN, [60])),
    (
        {**FILTER, "keywords_attributes": [{"keyword": "a", "whole_word": False}]},
        lambda body: body["keywords"][0]["whole_word"] is False,
    ),
    ({**FILTER, "keywords_attributes": [{"keyword": "a", "whole_word": ["x"]}]}, REFUSED),
    ({**FILTER, "keywords_attributes": UNKNOWN}, REFUSED),
]
REPORT = {"account_id": "WHOM"}
OF_REPORTS: list[tuple[dict[str, Any], Honoured | str]] = [
    ({**REPORT, "forward": False}, lambda body: body["forwarded"] is False),
    ({**REPORT, "forward": True}, lambda body: body["forwarded"] is True),
    (
        {**REPORT, "forward": True, "forward_to_domains": ["other.example"]},
        lambda body: body["forwarded"] is False,
    ),
    (
        {**REPORT, "forward": True, "forward_to_domains": ["victim.example"]},
        lambda body: body["forwarded"] is True,
    ),
    ({**REPORT, "forward": True, "forward_to_domains": [["other.example"]]}, REFUSED),
    *flagged("forward", REPORT),
    *wrong("category", REPORT),
    ({**REPORT, "rule_ids": ["99"]}, REFUSED),
]
SWEEP = {
    ("PATCH", "/api/v1/accounts/update_credentials"): OF_PROFILES,
    ("POST", "/api/v1/accounts/{vera}/follow"): OF_FOLLOWS,
    ("POST", "/api/v1/accounts/{vera}/mute"): OF_MUTES,
    ("POST", "/api/v1/lists"): OF_LISTS,
    ("POST", "/api/v2/filters"): OF_FILTERS,
    ("POST", "/api/v1/reports"): OF_REPORTS,
}


@pytest.mark.parametrize(("method", "path"), SWEEP)
async def test_protecting_fields_are_honoured_or_refused(
    ours: Place, alice: Person, victim: Neighbour, method: str, path: str
) -> None:
    whom = await follow(alice, victim.person("vera"))
    cells = 0
    for form, expected in SWEEP[method, path]:
        sent = {key: whom if value == "WHOM" else value for key, value in form.items()}
        status, body = await alice.ask(method, path.format(vera=whom), json=sent)
        if isinstance(expected, str):
            assert 400 <= status < 500, form
        else:
            assert status == 200, (form, body)
            assert expected(body), (form, body)
        cells += 1
    await settle(ours)
    print(f"{cells} cells")


# ---- what others send ----

NOBODY = ("nobody",) * 4
OPEN = ("public",) * 4
AUTHOR = "http://evil.example/users/mallory"
WIRE: list[tuple[object, tuple[str, ...] | None]] = [
    (None, OPEN),
    ([], OPEN),
    ({}, OPEN),
    (UNKNOWN, NOBODY),
    (7, NOBODY),
    (True, NOBODY),
    ([{}, {}], NOBODY),
    ({"canReply": UNKNOWN}, ("nobody", "public", "public", "public")),
    ({"canLike": 7}, ("public", "nobody", "public", "public")),
    ({"canAnnounce": [[]]}, ("public", "public", "nobody", "public")),
    ({"canQuote": {}}, ("public", "public", "public", "nobody")),
    ([{"canQuote": {"automaticApproval": AUTHOR}}], ("public", "public", "public", "nobody")),
    ({"canReply": {"always": [PUBLIC]}}, OPEN),
    ({"canReply": {"always": ["as:public"]}}, ("nobody", "public", "public", "public")),
]


def read(document: Document) -> note_object.Note:
    return note_object.parse(
        {"id": f"{AUTHOR}/1", "type": "Note", "attributedTo": AUTHOR, "to": [PUBLIC]} | document
    )


def test_policy_that_cannot_be_read_is_narrow() -> None:
    for value, expected in WIRE:
        found = read({"interactionPolicy": value}).policies
        assert (found.reply, found.like, found.announce, found.quote) == expected, value
    print(f"{len(WIRE)} cells")


@pytest.mark.parametrize("value", [True, "true", "yes", 1, [True], {"a": 1}, "TRUE"])
def test_sensitive_in_any_spelling_is_sensitive(value: object) -> None:
    assert read({"sensitive": value}).sensitive


@pytest.mark.parametrize("value", [None, False, "false", "", [], 0])
def test_sensitive_false_or_missing_is_not_sensitive(value: object) -> None:
    assert not read({"sensitive": value}).sensitive


ADDRESSES = [
    ({"to": ["as:public"], "cc": []}, "direct"),
    ({"to": [f"{PUBLIC}/"], "cc": []}, "direct"),
    ({"to": ["https://www.w3.org/ns/activitystreams#Publicly"], "cc": []}, "direct"),
    ({"to": [], "cc": []}, "direct"),
    ({"to": None, "cc": None}, "direct"),
    ({"to": 7, "cc": []}, REFUSED),
    ({"to": {"a": "b"}, "cc": []}, REFUSED),
    ({"to": [[PUBLIC]], "cc": []}, REFUSED),
]


@pytest.mark.parametrize(("addresses", "expected"), ADDRESSES)
async def test_addressing_is_read_narrowly_or_not_at_all(
    ours: Place, alice: Person, evil: Neighbour, addresses: dict[str, Any], expected: str
) -> None:
    mallory: Stranger = evil.person("mallory")
    await follow(alice, mallory)
    note = mallory.note() | addresses
    said = mallory.says("Create", note)
    await mallory.tell(ours, said)
    await settle(ours)
    status, body = await alice.ask("GET", f"/api/v2/search?q={note['id']}")
    assert status == 200
    assert body["statuses"] == []
    assert await alice.home() == []
    assert await hear(ours, mallory, mallory.says("Create", mallory.note())) == ("done", "")
    assert expected
