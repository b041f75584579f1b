"""Lists: who may be in them, what they show, and what an exclusive one takes out of home."""

from typing import Any

import pytest

from storage.reading import timelines
from tests.support.servers import Person, Place


def texts(found: list[dict[str, Any]]) -> list[str]:
    """What statuses say, or what those that are shared say."""
    return [(one["reblog"] or one)["content"] for one in found]


async def filled(place: Place, **more: Any) -> tuple[Person, Person, Person, str]:
    """alice, who follows bob and carol and has bob in a list."""
    alice, bob, carol = [await place.person(name) for name in ("alice", "bob", "carol")]
    await alice.follow(bob)
    await alice.follow(carol)
    made = await alice.post("/api/v1/lists", title="Close", **more)
    await alice.post(f"/api/v1/lists/{made['id']}/accounts", account_ids=[bob.id])
    return alice, bob, carol, made["id"]


async def timeline(who: Person, list_: str, **more: Any) -> list[Any]:
    found: list[Any] = await who.get(f"/api/v1/timelines/list/{list_}", **more)
    return found


async def test_list_is_made_changed_and_removed(place: Place) -> None:
    alice = await place.person("alice")
    made = await alice.post("/api/v1/lists", title="Close")
    assert made == {
        "id": made["id"],
        "title": "Close",
        "replies_policy": "list",
        "exclusive": False,
    }
    changed = await alice.call(
        "PUT",
        f"/api/v1/lists/{made['id']}",
        json={"title": "Near", "replies_policy": "none", "exclusive": True},
    )
    assert changed == {**made, "title": "Near", "replies_policy": "none", "exclusive": True}
    assert await alice.get("/api/v1/lists") == [changed]
    assert await alice.get(f"/api/v1/lists/{made['id']}") == changed
    assert await alice.call("DELETE", f"/api/v1/lists/{made['id']}") == {}
    assert (await alice.ask("GET", f"/api/v1/lists/{made['id']}"))[0] == 404


@pytest.mark.parametrize(
    "form",
    [{}, {"title": " "}, {"title": "x", "replies_policy": "sometimes"}, {"title": "x" * 999}],
)
async def test_list_without_sense_is_not_made(place: Place, form: dict[str, str]) -> None:
    alice = await place.person("alice")
    status, body = await alice.ask("POST", "/api/v1/lists", json=form)
    assert status == 422
    assert set(body) == {"error"}
    assert await alice.get("/api/v1/lists") == []


async def test_list_holds_followed_people_only(place: Place) -> None:
    alice, bob, _, list_ = await filled(place)
    dora = await place.person("dora")
    path = f"/api/v1/lists/{list_}/accounts"
    assert (await alice.ask("POST", path, json={"account_ids": [dora.id]}))[0] == 422
    assert (await alice.ask("POST", path, json={"account_ids": ["1"]}))[0] == 404
    await alice.post(path, account_ids=[alice.id])
    assert [one["username"] for one in await alice.get(path)] == ["alice", "bob"]
    assert [one["id"] for one in await alice.get(f"/api/v1/accounts/{bob.id}/lists")] == [list_]
    assert await alice.get(f"/api/v1/accounts/{dora.id}/lists") == []
    await alice.post(f"/api/v1/accounts/{bob.id}/unfollow")
    assert [one["username"] for one in await alice.get(path)] == ["alice"]


async def test_list_members_are_paged_or_given_all_at_once(place: Place) -> None:
    alice, bob, carol, list_ = await filled(place)
    path = f"/api/v1/lists/{list_}/accounts"
    await alice.post(path, account_ids=[carol.id])
    headers = {"Authorization": f"Bearer {alice.token}"}
    async with place.client.get(f"{path}?limit=1", headers=headers) as answer:
        assert [one["id"] for one in await answer.json()] == [carol.id]
        link = answer.headers["Link"]
    assert 'rel="next"' in link
    assert "since_id=" in link
    following = link.partition(">")[0].removeprefix("<http://home.example")
    assert [one["id"] for one in await alice.get(following)] == [bob.id]
    assert len(await alice.get(path, limit="0")) == 2
    assert await alice.call("DELETE", path, json={"account_ids": [bob.id]}) == {}
    assert await alice.call("DELETE", f"{path}?account_ids[]={carol.id}") == {}
    assert await alice.get(path) == []


async def test_list_shows_posts_and_boosts_of_its_members(place: Place) -> None:
    alice, bob, carol, list_ = await filled(place)
    said = await bob.say("From bob.")
    hers = await carol.say("From carol.")
    await bob.post(f"/api/v1/statuses/{hers['id']}/reblog")
    found = await timeline(alice, list_)
    assert texts(found) == ["<p>From carol.</p>", "<p>From bob.</p>"]
    assert found[0]["reblog"]["id"] == hers["id"]
    assert [one["id"] for one in await timeline(alice, list_, max_id=found[0]["id"])] == [
        said["id"]
    ]
    await alice.call("DELETE", f"/api/v1/lists/{list_}/accounts", json={"account_ids": [bob.id]})
    assert await timeline(alice, list_) == []


async def test_list_member_brings_what_they_said_lately(place: Place) -> None:
    alice, _, carol, list_ = await filled(place)
    await carol.say("Earlier.")
    await alice.post(f"/api/v1/lists/{list_}/accounts", account_ids=[carol.id])
    assert texts(await timeline(alice, list_)) == ["<p>Earlier.</p>"]


@pytest.mark.parametrize(
    ("policy", "shown"),
    [("none", []), ("list", ["bob"]), ("followed", ["carol", "bob"])],
)
async def test_list_decides_on_answers_by_its_replies_policy(
    place: Place, policy: str, shown: list[str]
) -> None:
    alice, bob, carol, list_ = await filled(place, replies_policy=policy)
    firsts = {"bob": await bob.say("One."), "carol": await carol.say("Two.")}
    for name, first in firsts.items():
        await bob.say(f"To {name}.", in_reply_to_id=first["id"])
    found = [text for text in texts(await timeline(alice, list_)) if text.startswith("<p>To ")]
    kept = {"bob", *shown}  # going on with one's own is no answer to anybody
    assert found == [f"<p>To {name}.</p>" for name in ("carol", "bob") if name in kept]


async def test_list_shows_nothing_hidden_or_unwanted(
    place: Place,
) -> None:
    alice, bob, carol, list_ = await filled(place)
    await bob.say("For named people.", visibility="direct")
    hers = await carol.say("From carol.")
    await bob.post(f"/api/v1/statuses/{hers['id']}/reblog")
    await bob.say("For followers.", visibility="private")
    assert texts(await timeline(alice, list_)) == ["<p>For followers.</p>", "<p>From carol.</p>"]
    await alice.post(f"/api/v1/accounts/{carol.id}/mute")
    assert texts(await timeline(alice, list_)) == ["<p>For followers.</p>"]
    await alice.post(f"/api/v1/accounts/{bob.id}/mute")
    assert await timeline(alice, list_) == []
    await alice.post(f"/api/v1/accounts/{bob.id}/unmute")
    await bob.post(f"/api/v1/accounts/{alice.id}/block")
    assert await timeline(alice, list_) == []


async def test_exclusive_list_takes_its_people_out_of_home(place: Place) -> None:
    alice, bob, carol, list_ = await filled(place, exclusive=True)
    await bob.say("From bob.")
    hers = await carol.say("From carol.")
    await bob.post(f"/api/v1/statuses/{hers['id']}/reblog")
    assert texts(await alice.home()) == ["<p>From carol.</p>"]
    assert texts(await timeline(alice, list_)) == ["<p>From carol.</p>", "<p>From bob.</p>"]
    path = f"/api/v1/lists/{list_}"
    await alice.call("PUT", path, json={"exclusive": False})
    assert texts(await alice.home()) == ["<p>From carol.</p>", "<p>From bob.</p>"]
    await alice.call("PUT", path, json={"exclusive": True})
    assert texts(await alice.home()) == ["<p>From carol.</p>"]
    await alice.call("DELETE", path)
    assert texts(await alice.home()) == ["<p>From carol.</p>", "<p>From bob.</p>"]


async def test_deleted_post_leaves_a_list(place: Place) -> None:
    alice, bob, _, list_ = await filled(place)
    said = await bob.say("Not for long.")
    await bob.call("DELETE", f"/api/v1/statuses/{said['id']}")
    assert await timeline(alice, list_) == []


async def test_list_is_trimmed_as_home_is(place: Place) -> None:
    alice, bob, _, list_ = await filled(place)
    for number in range(4):
        await bob.say(f"Number {number}.")
    await place.database.write(timelines.trim_all, 2)
    assert texts(await timeline(alice, list_)) == ["<p>Number 3.</p>", "<p>Number 2.</p>"]
