"""Who may answer, favour, boost: the author says, and it holds here and elsewhere."""

from typing import Any

import pytest

from tests.journeys.test_saying import Places, friends
from tests.support.servers import Person, settle

DEEDS = {
    "reply": "replies_count",
    "favourite": "favourites_count",
    "reblog": "reblogs_count",
}


async def do(person: Person, deed: str, post: Any) -> tuple[int, Any]:
    if deed == "reply":
        text = f"@{post['account']['acct']} An answer."
        params = {"status": text, "in_reply_to_id": post["id"]}
        return await person.ask("POST", "/api/v1/statuses", json=params)
    return await person.ask("POST", f"/api/v1/statuses/{post['id']}/{deed}")


async def seen_by(person: Person, url: str) -> Any:
    (found,) = (await person.get("/api/v2/search", q=url, resolve="true"))["statuses"]
    return found


@pytest.mark.parametrize("deed", list(DEEDS))
@pytest.mark.parametrize("policy", ["public", "followers", "nobody"])
async def test_policy_holds_at_home_and_away(places: Places, deed: str, policy: str) -> None:
    alice, bob, carol = await friends(places)
    dora = await places[0].person("dora")
    said = await alice.say("Read this.", interaction_policy={deed: policy})
    assert said["interaction_policy"][deed] == policy
    await settle(*places)
    may = {"public": {"bob", "carol", "dora"}, "followers": {"bob"}, "nobody": set()}[policy]
    for person in (bob, carol, dora):
        post = said if person is dora else await seen_by(person, said["url"])
        assert post["interaction_policy"][deed] == policy
        status, body = await do(person, deed, post)
        allowed = person.actor.name in may
        assert status == (200 if allowed else 403), (person.actor.name, body)
        if not allowed:
            assert set(body) == {"error"}
            assert body["error"].startswith("Only ")
    assert (await do(alice, deed, said))[0] == 200
    await settle(*places)
    now = await alice.get(f"/api/v1/statuses/{said['id']}")
    assert now[DEEDS[deed]] == len(may) + 1


async def test_addressee_may_answer_whatever_the_policy_says(places: Places) -> None:
    alice, _, carol = await friends(places)
    said = await alice.say(f"{carol.handle} You?", interaction_policy={"reply": "nobody"})
    await settle(*places)
    assert (await do(carol, "reply", await seen_by(carol, said["url"])))[0] == 200


async def test_policy_can_change_later_and_others_learn_of_it(places: Places) -> None:
    alice, bob, _ = await friends(places)
    said = await alice.say("Read this.")
    await settle(*places)
    (seen,) = await bob.home()
    path = f"/api/v1/statuses/{said['id']}/interaction_policy"
    params = {"interaction_policy": {"reply": "nobody"}, "quote_approval_policy": "followers"}
    changed = await alice.call("PUT", path, json=params)
    assert changed["interaction_policy"] == {
        "reply": "nobody",
        "favourite": "public",
        "reblog": "public",
        "quote": "followers",
    }
    assert changed["edited_at"] is None
    assert changed["quote_approval"]["automatic"] == ["followers"]
    await settle(*places)
    there = await bob.get(f"/api/v1/statuses/{seen['id']}")
    assert there["interaction_policy"] == changed["interaction_policy"]
    assert there["edited_at"] is None
    assert (await do(bob, "reply", seen))[0] == 403
    assert (await alice.ask("PUT", path, json={"quote_approval_policy": "some"}))[0] == 422
