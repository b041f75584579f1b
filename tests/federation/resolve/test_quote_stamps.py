"""Quotes: shown by the consent of who is quoted, to whom may see both (FEP-044f)."""

from datetime import timedelta
from typing import Any

import orjson
import pytest
from aiohttp import web

from federation.resolve import quote_stamps
from federation.resolve.background import Background
from server.http.app_keys import RESOLVER
from tests.federation.saying import follow, hear
from tests.federation.world import PUBLIC, Document, Neighbour, Stranger
from tests.support.clock import Watch
from tests.support.servers import Person, Place, settle

FOLLOWERS = "followers"


async def checked(ours: Place) -> None:
    while await quote_stamps.check_next(ours.database, ours.app[RESOLVER], Background("test")):
        pass


def stamp(author: Stranger, quoting: Document, quoted: Document, **more: Any) -> Document:
    return {
        "@context": "https://www.w3.org/ns/activitystreams",
        "id": f"{author.uri}/stamps/{quoting['id'].rpartition('/')[2]}",
        "type": "QuoteAuthorization",
        "attributedTo": author.uri,
        "interactingObject": quoting["id"],
        "interactionTarget": quoted["id"],
    } | more


async def quote_of(alice: Person, wanted: Document) -> Any:
    found = await alice.get("/api/v2/search", q=wanted["id"], resolve="true")
    return found["statuses"][0]["quote"]


@pytest.mark.parametrize("name", ["quote", "quoteUri", "quoteUrl", "_misskey_quote"])
async def test_quote_is_shown_whatever_its_software_calls_it(
    ours: Place, alice: Person, victim: Neighbour, evil: Neighbour, name: str
) -> None:
    vera, mallory = victim.person("vera"), evil.person("mallory")
    await follow(alice, vera)
    quoted = mallory.note("<p>Quoted</p>")
    evil.serves(quoted)
    said = vera.note("<p>Look</p>", **{name: quoted["id"]})
    await hear(ours, vera, vera.says("Create", said))
    (seen,) = await alice.home()
    assert seen["quote"]["state"] == "accepted"
    assert seen["quote"]["quoted_status"]["content"] == "<p>Quoted</p>"
    assert seen["quote"]["quoted_status"]["quote"] is None


async def test_quote_of_whose_host_one_blocks_says_so_and_no_more(
    ours: Place, alice: Person, victim: Neighbour, evil: Neighbour
) -> None:
    vera, mallory = victim.person("vera"), evil.person("mallory")
    dora = await ours.person("dora")
    quoted = mallory.note("<p>Quoted</p>")
    evil.serves(quoted)
    for one in (alice, dora):
        await follow(one, vera)
    said = vera.note("<p>Look</p>", quote=quoted["id"])
    await hear(ours, vera, vera.says("Create", said))
    assert (await quote_of(alice, said))["state"] == "accepted"
    await alice.post("/api/v1/domain_blocks", domain=mallory.at.host)
    assert await quote_of(alice, said) == {"state": "blocked_domain", "quoted_status": None}
    assert (await quote_of(dora, said))["state"] == "accepted"


async def test_stamp_counts_when_its_origin_says_all_of_it(
    ours: Place, alice: Person, victim: Neighbour, evil: Neighbour
) -> None:
    vera, mallory = victim.person("vera"), evil.person("mallory")
    await follow(alice, mallory)
    policy = {"interactionPolicy": {"canQuote": {"automaticApproval": [vera.uri]}}}
    quoted = vera.note("<p>Quoted</p>", **policy)
    victim.serves(quoted)
    cases: dict[str, tuple[dict[str, Any], str]] = {
        "as it should be": ({}, "accepted"),
        "of another post": ({"interactingObject": f"{evil.origin}/notes/0"}, "rejected"),
        "of another quoted": ({"interactionTarget": f"{victim.origin}/notes/0"}, "rejected"),
        "by another": ({"attributedTo": f"{victim.origin}/users/victor"}, "rejected"),
        "of another kind": ({"type": "LikeAuthorization"}, "rejected"),
    }
    for case, (more, state) in cases.items():
        said = mallory.note("<p>Look</p>", quote=quoted["id"])
        said["quoteAuthorization"] = victim.serves(stamp(vera, said, quoted) | more)
        await hear(ours, mallory, mallory.says("Create", said))
        assert (await quote_of(alice, said))["state"] == "pending"
        await checked(ours)
        assert (await quote_of(alice, said))["state"] == state, case
    forged = mallory.note("<p>Look</p>", quote=quoted["id"])
    own = stamp(vera, forged, quoted, id=f"{evil.origin}/stamps/1")
    forged["quoteAuthorization"] = evil.serves(own)
    missing = mallory.note("<p>Look</p>", quote=quoted["id"])
    missing["quoteAuthorization"] = f"{vera.uri}/stamps/none"
    none = mallory.note("<p>Look</p>", quote=quoted["id"])
    for said, state in ((forged, "rejected"), (missing, "rejected"), (none, "pending")):
        await hear(ours, mallory, mallory.says("Create", said))
        await checked(ours)
        found = await quote_of(alice, said)
        assert found == {"state": state, "quoted_status": None}


async def test_consent_is_taken_back_by_who_gave_it(
    ours: Place, alice: Person, victim: Neighbour, evil: Neighbour
) -> None:
    vera, victor, mallory = victim.person("vera"), victim.person("victor"), evil.person("mallory")
    await follow(alice, mallory)
    quoted = vera.note("<p>Quoted</p>")
    victim.serves(quoted)
    said = mallory.note("<p>Look</p>", quote=quoted["id"])
    said["quoteAuthorization"] = victim.serves(stamp(vera, said, quoted))
    await hear(ours, mallory, mallory.says("Create", said))
    await checked(ours)
    for who, state in ((victor, "accepted"), (mallory, "accepted"), (vera, "revoked")):
        await who.tell(ours, who.says("Delete", said["quoteAuthorization"]))
        await settle(ours)
        found = await quote_of(alice, said)
        assert (found["state"], found["quoted_status"] is None) == (state, state == "revoked")
    await hear(ours, mallory, mallory.says("Update", said | {"content": "<p>Look again</p>"}))
    await checked(ours)
    assert (await quote_of(alice, said))["state"] == "revoked"


async def test_quoted_post_is_shown_to_whom_may_see_it(
    ours: Place, alice: Person, victim: Neighbour
) -> None:
    vera = victim.person("vera")
    number = await follow(alice, vera)
    dora = await ours.person("dora")
    private = vera.note("<p>Among us</p>", to=[f"{vera.uri}/followers"], cc=[])
    await hear(ours, vera, vera.says("Create", private))
    said = vera.note("<p>Look</p>", quote=private["id"])
    await hear(ours, vera, vera.says("Create", said))
    assert (await quote_of(alice, said))["quoted_status"]["content"] == "<p>Among us</p>"
    assert await quote_of(dora, said) == {"state": "unauthorized", "quoted_status": None}
    for act, state in (("mute", "muted_account"), ("block", "blocked_account")):
        await alice.post(f"/api/v1/accounts/{number}/{act}")
        assert await quote_of(alice, said) == {"state": state, "quoted_status": None}
        await alice.post(f"/api/v1/accounts/{number}/un{act}")
    await hear(ours, vera, vera.says("Delete", private["id"]))
    assert await quote_of(alice, said) == {"state": "deleted", "quoted_status": None}


@pytest.mark.parametrize("policy", ["public", "followers", "nobody"])
async def test_quote_request_is_answered_by_the_policy(
    ours: Place, alice: Person, vera: Stranger, evil: Neighbour, victim: Neighbour, policy: str
) -> None:
    mallory = evil.person("mallory")
    said = await alice.say("Quote me.", quote_approval_policy=policy)
    may = {"public": {"vera", "mallory"}, "followers": {"vera"}, "nobody": set()}[policy]
    for who in (vera, mallory):
        note = who.note("<p>Look</p>", quote=said["uri"])
        await settle(ours)
        who.at.asked.clear()
        asked = who.says("QuoteRequest", said["uri"], instrument=note)
        assert (await hear(ours, who, asked))[0] == "done"
        (sent,) = who.at.arrived
        answer = orjson.loads(sent.body)
        assert answer["actor"] == alice.actor.uri
        assert answer["object"]["id"] == asked["id"]
        assert answer["type"] == ("Accept" if who.name in may else "Reject")
        if who.name in may:
            note["quoteAuthorization"] = answer["result"]
            path = answer["result"].removeprefix("http://ours.example")
            headers = {"Accept": "application/activity+json"}
            async with ours.client.get(path, headers=headers) as found:
                given = await found.json(content_type=None)
            assert {name: given[name] for name in given if name != "@context"} == {
                "id": answer["result"],
                "type": "QuoteAuthorization",
                "attributedTo": alice.actor.uri,
                "interactingObject": note["id"],
                "interactionTarget": said["uri"],
            }
        await follow(alice, who)
        await hear(ours, who, who.says("Create", note))
        expected = "accepted" if who.name in may else "rejected"
        assert (await quote_of(alice, note))["state"] == expected


async def test_stamp_is_not_asked_for_what_one_cannot_see_or_did_not_write(
    ours: Place, alice: Person, vera: Stranger, victim: Neighbour
) -> None:
    victor = victim.person("victor")
    public = await alice.say("For all.")
    private = await alice.say("For followers.", visibility="private")
    local = await alice.say("Stays here.", visibility="local")
    theirs = vera.note("<p>Look</p>", quote=public["uri"])
    victim.serves(theirs)
    await settle(ours)
    victim.asked.clear()
    for who, what, instrument in (
        (victor, public, theirs),
        (victor, public, theirs["id"]),
        (vera, local, theirs),
        (vera, public, f"{victim.origin}/notes/none"),
    ):
        asked = who.says("QuoteRequest", what["uri"], instrument=instrument)
        assert (await hear(ours, who, asked))[0] == "refused"
    asked = vera.says("QuoteRequest", private["uri"], instrument=theirs)
    assert (await hear(ours, vera, asked))[0] == "done"
    (sent,) = victim.arrived
    assert orjson.loads(sent.body)["type"] == "Reject"


async def test_consent_that_somebody_else_asked_for_is_worth_nothing(
    ours: Place, alice: Person, vera: Stranger, victim: Neighbour
) -> None:
    """Whoever says that a post is theirs before it is known here."""
    victor = victim.person("victor")
    quoted = await alice.say("Followers may.", quote_approval_policy="followers")
    theirs = victor.note("<p>Look</p>", quote=quoted["uri"])
    await settle(ours)
    victim.asked.clear()
    forged = theirs | {"attributedTo": vera.uri}
    asked = vera.says("QuoteRequest", quoted["uri"], instrument=forged)
    assert (await hear(ours, vera, asked))[0] == "done"
    (sent,) = victim.arrived
    theirs["quoteAuthorization"] = orjson.loads(sent.body)["result"]
    path = theirs["quoteAuthorization"].removeprefix("http://ours.example")
    headers = {"Accept": "application/activity+json"}
    victim.serves(theirs)
    assert await quote_of(alice, theirs) == {"state": "rejected", "quoted_status": None}
    async with ours.client.get(path, headers=headers) as found:
        assert found.status == 404
    assert await quoted_by(alice, quoted) == []


async def test_consent_stays_whatever_the_policy_becomes(
    ours: Place, alice: Person, vera: Stranger
) -> None:
    said = await alice.say("Quote me.")
    await follow(alice, vera)
    notes = [vera.note("<p>Look</p>", quote=said["uri"]) for _ in range(2)]
    await hear(ours, vera, vera.says("QuoteRequest", said["uri"], instrument=notes[0]))
    policy = {"quote_approval_policy": "nobody"}
    path = f"/api/v1/statuses/{said['id']}/interaction_policy"
    await alice.call("PUT", path, json=policy)
    for note in notes:
        await hear(ours, vera, vera.says("Create", note))
    states = [(await quote_of(alice, note))["state"] for note in notes]
    assert states == ["accepted", "rejected"]


async def test_quote_by_somebody_blocked_is_shown_no_more(
    ours: Place, alice: Person, vera: Stranger
) -> None:
    dora = await ours.person("dora")
    await follow(dora, vera)
    said = await alice.say("Quote me.")
    note = vera.note("<p>Look</p>", quote=said["uri"])
    await hear(ours, vera, vera.says("Create", note))
    number = await alice.find("@vera@victim.example")
    for act, state in (("block", "unauthorized"), ("unblock", "accepted")):
        await alice.post(f"/api/v1/accounts/{number}/{act}")
        (seen,) = await dora.home()
        assert seen["quote"]["state"] == state
        assert (seen["quote"]["quoted_status"] is None) == (act == "block")


async def quoted_by(person: Person, post: Any, limit: int = 20) -> list[str]:
    found = await person.get(f"/api/v1/statuses/{post['id']}/quotes", limit=limit)
    return [one["uri"] for one in found]


async def heard_quoting(ours: Place, who: Stranger, uri: str, **more: Any) -> tuple[Document, str]:
    """A quote with its stamp, asked for and said; what the stamp is."""
    note = who.note("<p>Look</p>", quote=uri, **more)
    await settle(ours)
    who.at.asked.clear()
    await hear(ours, who, who.says("QuoteRequest", uri, instrument=note))
    (sent,) = who.at.arrived
    note["quoteAuthorization"] = orjson.loads(sent.body)["result"]
    await hear(ours, who, who.says("Create", note))
    return note, note["quoteAuthorization"]


async def test_quoting_posts_are_listed_for_who_may_see_them(
    ours: Place, alice: Person, vera: Stranger, evil: Neighbour
) -> None:
    dora, mallory = await ours.person("dora"), evil.person("mallory")
    await follow(alice, vera)
    said = await alice.say("Quote me.")
    open_, _ = await heard_quoting(ours, vera, said["uri"])
    within = {"to": [f"{vera.uri}/followers"], "cc": []}
    private, _ = await heard_quoting(ours, vera, said["uri"], **within)
    await follow(alice, mallory)
    other, _ = await heard_quoting(ours, mallory, said["uri"])
    everything = [other["id"], private["id"], open_["id"]]
    assert await quoted_by(alice, said) == everything
    assert await quoted_by(dora, said) == [other["id"], open_["id"]]
    (first,) = await alice.get(f"/api/v1/statuses/{said['id']}/quotes", limit=1)
    assert first["uri"] == other["id"]
    number = await alice.find("@mallory@evil.example")
    await alice.post(f"/api/v1/accounts/{number}/block")
    assert await quoted_by(dora, said, limit=1) == [open_["id"]]  # what is hidden takes no place
    await hear(ours, vera, vera.says("Update", open_ | {"quote": None}))
    assert await quoted_by(dora, said) == []
    hidden = await alice.say("@vera@victim.example not for dora", visibility="direct")
    assert (await dora.ask("GET", f"/api/v1/statuses/{hidden['id']}/quotes"))[0] == 404


async def test_revoked_consent_is_told(ours: Place, alice: Person, vera: Stranger) -> None:
    dora = await ours.person("dora")
    await follow(dora, vera)
    said = await alice.say("Quote me.")
    note, stamp_ = await heard_quoting(ours, vera, said["uri"])
    (seen,) = await dora.home()
    assert seen["quote"]["state"] == "accepted"
    path = f"/api/v1/statuses/{said['id']}/quotes/{seen['id']}/revoke"
    assert (await dora.ask("POST", path))[0] == 404
    assert (await quote_of(dora, note))["state"] == "accepted"
    vera.at.asked.clear()
    shown = await alice.post(path)
    assert (shown["id"], shown["quote"]) == (
        seen["id"],
        {"state": "revoked", "quoted_status": None},
    )
    assert await alice.post(path) == shown
    await settle(ours)
    (sent,) = vera.at.arrived
    told = orjson.loads(sent.body)
    assert (told["type"], told["actor"]) == ("Delete", alice.actor.uri)
    assert told["object"] == {
        "id": stamp_,
        "type": "QuoteAuthorization",
        "attributedTo": alice.actor.uri,
        "interactingObject": note["id"],
        "interactionTarget": said["uri"],
    }
    headers = {"Accept": "application/activity+json"}
    async with ours.client.get(stamp_.removeprefix("http://ours.example"), headers=headers) as gone:
        assert gone.status == 404
    assert await quoted_by(alice, said) == []


async def test_revoked_stamp_is_not_had_again(ours: Place, alice: Person, vera: Stranger) -> None:
    dora = await ours.person("dora")
    await follow(dora, vera)
    said, other = await alice.say("Quote me."), await alice.say("Or me.")
    note, _ = await heard_quoting(ours, vera, said["uri"])
    (seen,) = await dora.home()
    await alice.post(f"/api/v1/statuses/{said['id']}/quotes/{seen['id']}/revoke")
    for quoted, state in ((other, "accepted"), (said, "revoked")):
        again = note | {"quote": quoted["uri"], "content": f"<p>{state}</p>"}
        await hear(ours, vera, vera.says("Update", again))
        assert (await quote_of(dora, note))["state"] == state
    await settle(ours)
    vera.at.asked.clear()
    await hear(ours, vera, vera.says("QuoteRequest", said["uri"], instrument=note))
    (sent,) = vera.at.arrived
    assert orjson.loads(sent.body)["type"] == "Reject"
    assert (await quote_of(dora, note))["state"] == "revoked"


async def test_consent_that_was_never_stamped_is_taken_back_too(
    ours: Place, alice: Person, vera: Stranger
) -> None:
    dora = await ours.person("dora")
    await follow(dora, vera)
    said = await alice.say("Quote me.")
    note = vera.note("<p>Look</p>", quoteUrl=said["uri"])
    await hear(ours, vera, vera.says("Create", note))
    (seen,) = await dora.home()
    await alice.post(f"/api/v1/statuses/{said['id']}/quotes/{seen['id']}/revoke")
    assert (await quote_of(dora, note))["state"] == "revoked"


async def broken(_: web.Request) -> web.Response:
    return web.Response(status=503)


async def test_stamp_that_cannot_be_had_is_asked_for_again(
    ours: Place, alice: Person, victim: Neighbour, evil: Neighbour, watch: Watch
) -> None:
    vera, mallory = victim.person("vera"), evil.person("mallory")
    await follow(alice, mallory)
    policy = {"interactionPolicy": {"canQuote": {"automaticApproval": [vera.uri]}}}
    quoted = vera.note("<p>Quoted</p>", **policy)
    victim.serves(quoted)
    said = mallory.note("<p>Look</p>", quote=quoted["id"])
    said["quoteAuthorization"] = f"{vera.uri}/stamps/late"
    victim.answers["/users/vera/stamps/late"] = broken
    await hear(ours, mallory, mallory.says("Create", said))
    for pause in quote_stamps.PAUSES[:3]:
        await checked(ours)
        assert (await quote_of(alice, said))["state"] == "pending"
        assert not await quote_stamps.check_next(
            ours.database, ours.app[RESOLVER], Background("test")
        )
        watch.advance(pause)
    victim.answers.clear()
    victim.serves(stamp(vera, said, quoted, id=said["quoteAuthorization"]))
    await checked(ours)
    assert (await quote_of(alice, said))["state"] == "accepted"


async def test_stamp_that_is_never_had_is_given_up(
    ours: Place, alice: Person, victim: Neighbour, evil: Neighbour, watch: Watch
) -> None:
    vera, mallory = victim.person("vera"), evil.person("mallory")
    await follow(alice, mallory)
    quoted = vera.note("<p>Quoted</p>")
    victim.serves(quoted)
    said = mallory.note("<p>Look</p>", quote=quoted["id"])
    said["quoteAuthorization"] = f"{vera.uri}/stamps/never"
    victim.answers["/users/vera/stamps/never"] = broken
    await hear(ours, mallory, mallory.says("Create", said))
    for pause in (*quote_stamps.PAUSES, timedelta(days=30)):
        await checked(ours)
        watch.advance(pause)
    assert not await quote_stamps.check_next(ours.database, ours.app[RESOLVER], Background("test"))
    assert (await quote_of(alice, said))["state"] == "pending"


async def test_quote_policy_is_in_every_public_post(ours: Place, alice: Person) -> None:
    for visibility, policy, expected in (
        ("public", "public", PUBLIC),
        ("unlisted", "followers", f"{alice.actor.uri}/followers"),
        ("public", "nobody", alice.actor.uri),
    ):
        said = await alice.say("?", visibility=visibility, quote_approval_policy=policy)
        headers = {"Accept": "application/activity+json"}
        async with ours.client.get(f"/posts/{said['id']}", headers=headers) as answer:
            document = await answer.json(content_type=None)
        assert document["interactionPolicy"] == {"canQuote": {"automaticApproval": [expected]}}
