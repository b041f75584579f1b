"""Locked doors, blocks and mutes, over two servers."""

from datetime import timedelta

from tests.support.clock import Watch
from tests.support.servers import Person, Place, settle

Places = tuple[Place, Place]


async def relationship(one: Person, other: Person) -> dict[str, bool]:
    number = other.id if one.place is other.place else await one.find(other.handle)
    (found,) = await one.get("/api/v1/accounts/relationships", **{"id[]": number})
    return dict(found)


async def lock(person: Person) -> None:
    await person.call("PATCH", "/api/v1/accounts/update_credentials", json={"locked": True})


async def test_locked_account_is_asked_first(places: Places) -> None:
    home, away = places
    alice, bob = await home.person("alice"), await away.person("bob")
    await lock(bob)
    await alice.follow(bob)
    await settle(home, away)
    assert (await relationship(alice, bob))["requested"]
    assert await bob.notified() == [("follow_request", "alice@home.example")]
    await bob.say("Not yet for you.")
    await settle(home, away)
    assert await alice.home() == []
    (asks,) = await bob.get("/api/v1/follow_requests")
    await bob.post(f"/api/v1/follow_requests/{asks['id']}/authorize")
    await settle(home, away)
    assert (await relationship(alice, bob))["following"]
    await bob.say("And now it is.")
    await settle(home, away)
    assert len(await alice.home()) >= 1


async def test_request_can_be_declined(places: Places) -> None:
    home, away = places
    alice, bob = await home.person("alice"), await away.person("bob")
    await lock(bob)
    await alice.follow(bob)
    await settle(home, away)
    (asks,) = await bob.get("/api/v1/follow_requests")
    await bob.post(f"/api/v1/follow_requests/{asks['id']}/reject")
    await settle(home, away)
    standing = await relationship(alice, bob)
    assert not standing["requested"]
    assert not standing["following"]


async def test_block_cuts_both_ways(places: Places) -> None:
    home, away = places
    alice, bob = await home.person("alice"), await away.person("bob")
    await alice.follow(bob)
    await bob.follow(alice)
    await settle(home, away)
    await alice.say("Before.")
    await settle(home, away)
    number = await alice.find(bob.handle)
    await alice.post(f"/api/v1/accounts/{number}/block")
    await settle(home, away)
    standing = await relationship(alice, bob)
    assert standing["blocking"]
    assert not standing["following"]
    assert not standing["followed_by"]
    there = await relationship(bob, alice)
    assert there["blocked_by"]
    assert not there["following"]
    await bob.say(f"{alice.handle} Can you hear me?")
    await settle(home, away)
    assert ("mention", "bob@away.example") not in await alice.notified()
    status, _ = await bob.ask("POST", f"/api/v1/accounts/{await bob.find(alice.handle)}/follow")
    assert status == 403
    await alice.say("After.", visibility="private")
    await settle(home, away)
    assert {one["account"]["acct"] for one in await bob.home()} == {"bob"}
    await alice.post(f"/api/v1/accounts/{number}/unblock")
    await settle(home, away)
    assert not (await relationship(bob, alice))["blocked_by"]


async def test_unfollowing_is_heard(places: Places) -> None:
    home, away = places
    alice, bob = await home.person("alice"), await away.person("bob")
    await alice.follow(bob)
    await settle(home, away)
    assert (await relationship(bob, alice))["followed_by"]
    number = await alice.find(bob.handle)
    await alice.post(f"/api/v1/accounts/{number}/unfollow")
    await settle(home, away)
    assert not (await relationship(bob, alice))["followed_by"]


async def test_mute_is_quiet_and_ends(places: Places, watch: Watch) -> None:
    home, away = places
    alice, bob = await home.person("alice"), await away.person("bob")
    await alice.follow(bob)
    await settle(home, away)
    number = await alice.find(bob.handle)
    await alice.post(f"/api/v1/accounts/{number}/mute", duration=3600)
    await bob.say("A lot of noise.")
    await settle(home, away)
    assert await alice.home() == []
    assert (await relationship(alice, bob))["muting"]
    watch.advance(timedelta(hours=2))
    assert len(await alice.home()) == 1
    assert not (await relationship(alice, bob))["muting"]
