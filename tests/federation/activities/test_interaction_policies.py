"""What comes against the policy of one of our posts is refused: not kept, not counted."""

from typing import Any

import pytest

from tests.federation.saying import hear
from tests.federation.world import PUBLIC, Document, Neighbour, Stranger, changed, contents
from tests.support.servers import Person, Place, settle

DEEDS = {"Like": "favourite", "Announce": "reblog", "Create": "reply"}


def doing(who: Stranger, deed: str, post: Any, alice: str) -> Document:
    if deed != "Create":
        return who.says(deed, post["uri"], to=[PUBLIC])
    tag = {"type": "Mention", "href": alice, "name": "@alice@ours.example"}
    answer = who.note("<p>@alice</p>", inReplyTo=post["uri"], tag=[tag], cc=[alice])
    who.at.serves(answer)
    return who.says("Create", answer)


@pytest.mark.parametrize("deed", list(DEEDS))
async def test_act_against_the_policy_leaves_nothing(
    ours: Place, alice: Person, vera: Stranger, evil: Neighbour, deed: str
) -> None:
    mallory = evil.person("mallory")
    few = await alice.say("For those I know.", interaction_policy={DEEDS[deed]: "followers"})
    none = await alice.say("For nobody.", interaction_policy={DEEDS[deed]: "nobody"})
    await alice.find("@mallory@evil.example")
    await settle(ours)
    before = await ours.database.read(contents)
    for who, post in ((mallory, few), (mallory, none), (vera, none)):
        verdict, reason = await hear(ours, who, doing(who, deed, post, alice.actor.uri))
        assert verdict == "refused"
        assert reason.startswith("Only ")
    assert changed(before, await ours.database.read(contents)) == {}
    assert await hear(ours, vera, doing(vera, deed, few, alice.actor.uri)) == ("done", "")


async def test_answer_that_is_refused_does_not_come_by_another_way(
    ours: Place, alice: Person, evil: Neighbour
) -> None:
    mallory = evil.person("mallory")
    said = await alice.say("For nobody.", interaction_policy={"reply": "nobody"})
    answer = doing(mallory, "Create", said, alice.actor.uri)["object"]
    below = mallory.note("<p>Below</p>", inReplyTo=answer["id"])
    evil.serves(below)
    for uri in (answer["id"], below["id"]):
        await alice.get("/api/v2/search", q=uri, resolve="true")
    context = await alice.get(f"/api/v1/statuses/{said['id']}/context")
    assert context["descendants"] == []
    assert (await alice.get(f"/api/v1/statuses/{said['id']}"))["replies_count"] == 0


@pytest.mark.parametrize(
    ("rule", "policy"),
    [
        ({"automaticApproval": [PUBLIC]}, "public"),
        ({"always": ["as:Public"]}, "public"),
        ({"automaticApproval": [], "manualApproval": [PUBLIC]}, "public"),
        ({"automaticApproval": ["{actor}", "{actor}/followers"]}, "followers"),
        ({"automaticApproval": "{actor}"}, "nobody"),
        ({"automaticApproval": []}, "nobody"),
        ({}, "nobody"),
        ("nonsense", "nobody"),  # it was meant to keep somebody out
        (None, "public"),
    ],
)
async def test_policies_of_others_are_read_and_kept_to(
    ours: Place, alice: Person, victim: Neighbour, rule: Any, policy: str
) -> None:
    vera = victim.person("vera")
    filled = rule
    if isinstance(rule, dict):
        filled = {
            way: [one.replace("{actor}", vera.uri) for one in uris]
            if isinstance(uris, list)
            else uris.replace("{actor}", vera.uri)
            for way, uris in rule.items()
        }
    said = vera.note("<p>Read this</p>", interactionPolicy={"canLike": filled})
    victim.serves(said)
    (seen,) = (await alice.get("/api/v2/search", q=said["id"], resolve="true"))["statuses"]
    assert seen["interaction_policy"]["favourite"] == policy
    status, _ = await alice.ask("POST", f"/api/v1/statuses/{seen['id']}/favourite")
    assert status == (200 if policy == "public" else 403)
