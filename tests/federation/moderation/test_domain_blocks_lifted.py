"""Whom a block concerns, and that nothing is lost by it that members or moderators decided (83)."""

from collections.abc import Mapping
from typing import Any

import pytest
from aiohttp import web

from federation.moderation import domain_blocks
from federation.moderation.domain_blocks import put
from server.operations.job_runner import JOBS, Job
from storage.engine import schema
from storage.engine.transaction import Reader, Writer
from storage.moderation.domain_blocks import SLICE
from storage.people import actors
from storage.people.actors import ActorState
from storage.queues import hosts
from storage.queues.hosts import Tier
from tests.federation.moderation.test_domain_blocks import WORDS, Scene, judge, scene
from tests.federation.saying import follow, hear, homes
from tests.federation.world import Neighbour, Stranger
from tests.storage import cast
from tests.storage.raw import memory, writer_on
from tests.support.servers import Person, Place

__all__ = ["scene"]


# ---- nothing is lost ----


async def state_of(place: Place, who: Stranger) -> str | None:
    return await place.database.read(actors.effective_state_of, who.uri)


async def test_lifted_block_brings_posts_back(scene: Scene) -> None:
    before = await scene.seen()
    await scene.block()
    assert await scene.unblock() == 1
    after = await scene.seen()
    gone = {path for _, path in before} - {path for _, path in after}
    # relations are over: nobody follows, and what came of it is gone
    assert gone == {
        "/api/v1/statuses/{own}/favourited_by",
        "/api/v1/statuses/{own}/reblogged_by",
        "/api/v1/accounts/{alice}/followers",
        "/api/v1/accounts/{alice}/following",
    }
    assert after <= before
    assert WORDS not in await homes(scene.alice)
    again = scene.mallory.says("Follow", scene.alice.actor.uri)
    assert (await hear(scene.ours, scene.mallory, again))[0] == "done"
    assert scene.names["mallory"] == await follow(scene.alice, scene.mallory)


@pytest.mark.parametrize("state", ["suspended", "deleted"])
@pytest.mark.parametrize("meanwhile", [True, False])
async def test_suspended_account_stays_out_when_a_block_is_lifted(
    scene: Scene, evil: Neighbour, state: ActorState, meanwhile: bool
) -> None:
    victor = evil.person("victor")
    await scene.alice.find("@victor@evil.example")
    if not meanwhile:
        await scene.ours.database.write(judge, victor.uri, state)
    await scene.block()
    if meanwhile:
        await scene.ours.database.write(judge, victor.uri, state)
    assert await state_of(scene.ours, scene.mallory) == "suspended"
    assert await state_of(scene.ours, victor) == state
    await scene.block()
    await scene.unblock()
    assert await state_of(scene.ours, scene.mallory) == "active"
    assert await state_of(scene.ours, victor) == state


async def test_pardoned_while_their_server_is_blocked_nobody_is_shown_before_it_is_not(
    scene: Scene,
) -> None:
    await scene.ours.database.write(judge, scene.mallory.uri, "suspended")
    await scene.block()
    await scene.ours.database.write(judge, scene.mallory.uri, "active")
    assert await state_of(scene.ours, scene.mallory) == "suspended"
    await scene.unblock()
    assert await state_of(scene.ours, scene.mallory) == "active"


async def test_decisions_of_members_outlive_a_block(scene: Scene) -> None:
    number = scene.names["mallory"]
    await scene.bob.post(f"/api/v1/accounts/{number}/block")
    await scene.alice.post(f"/api/v1/accounts/{number}/mute")
    await scene.block()
    await scene.unblock()
    for person, what in ((scene.bob, "blocking"), (scene.alice, "muting")):
        (found,) = await person.get("/api/v1/accounts/relationships", **{"id[]": number})
        assert found[what]


# ---- whom it concerns (SECURITY 83) ----


@pytest.mark.parametrize(
    ("host", "domain", "blocked"),
    [
        ("evil.example", "evil.example", True),
        ("sub.evil.example", "sub.evil.example", True),
        ("evil.example:8443", "evil.example:8443", True),
        ("social.other.example", "evil.example", True),  # by the domain of the handle
        ("social.evil.example", "other.example", True),
        ("notevil.example", "notevil.example", False),
        ("evil.example.org", "evil.example.org", False),
    ],
)
async def test_block_concerns_a_server_with_all_beneath(
    ours: Place, host: str, domain: str, blocked: bool
) -> None:
    def someone(writer: Writer) -> str:
        id_ = cast.actor(writer, "someone", host)
        writer.execute("UPDATE actors SET domain = ? WHERE id = ?", domain, id_)
        known = actors.by_id(writer, id_)
        assert known is not None
        return known.uri

    uri = await ours.database.write(someone)
    assert await put(ours.database, "evil.example", "blocked") == int(blocked)
    state = "suspended" if blocked else "active"
    assert await ours.database.read(actors.effective_state_of, uri) == state
    await put(ours.database, "evil.example", None)
    assert await ours.database.read(actors.effective_state_of, uri) == "active"


async def test_overlapping_blocks_hold_until_both_are_lifted(scene: Scene) -> None:
    for name in ("evil.example", "example"):
        await scene.block(name)
    await scene.unblock("example")
    assert await state_of(scene.ours, scene.mallory) == "suspended"
    assert await state_of(scene.ours, scene.vera) == "active"
    await scene.unblock("evil.example")
    assert await state_of(scene.ours, scene.mallory) == "active"


async def test_newcomer_whose_handle_is_of_a_blocked_domain_is_not_kept(
    ours: Place, alice: Person, evil: Neighbour, victim: Neighbour
) -> None:
    """Their URI is elsewhere: known by that alone, they would come in under another handle."""
    zoe = evil.person("zoe")
    link = {"subject": "acct:zoe@victim.example", "links": webfinger_links(zoe.uri)}
    evil.answers["/.well-known/webfinger"] = says(link)
    await put(ours.database, "victim.example", "blocked")
    victim.asked.clear()
    assert await zoe.tell(ours, zoe.says("Follow", alice.actor.uri)) == 401
    assert await state_of(ours, zoe) is None
    assert victim.asked == []


def webfinger_links(address: str) -> list[Mapping[str, str]]:
    return [{"rel": "self", "type": "application/activity+json", "href": address}]


def says(document: Mapping[str, Any]) -> Any:
    async def answer(_: web.Request) -> web.Response:
        return web.json_response(document, content_type="application/jrd+json")

    return answer


# ---- in slices ----


def crowd(writer: Writer, count: int) -> None:
    for number in range(count):
        cast.actor(writer, f"n{number}", "evil.example")


def hidden(reader: Reader) -> int:
    count: int = reader.value("SELECT count(*) FROM actors WHERE host_blocked")
    return count


def job(place: Place) -> Job:
    (found,) = [one for one in place.app[JOBS] if one.name == "follow domain blocks"]
    return found


async def test_crowd_is_hidden_and_shown_again(ours: Place) -> None:
    count = 2 * SLICE + 7
    await ours.database.write(crowd, count)
    assert await put(ours.database, "evil.example", "blocked") == count
    assert await ours.database.read(hidden) == count
    assert await ours.database.read(domain_blocks.list_with_tier) == [
        (await ours.database.read(hosts.get, "evil.example"), count)
    ]
    assert await put(ours.database, "evil.example", None) == count
    assert await ours.database.read(hidden) == 0
    assert await ours.database.read(domain_blocks.list_with_tier) == []


@pytest.mark.parametrize("tier", ["blocked", None])
async def test_block_that_was_cut_off_is_finished_later(ours: Place, tier: Tier | None) -> None:
    """State as after a crash between the tier and its consequences."""
    await ours.database.write(crowd, 3)
    if tier is None:
        await put(ours.database, "evil.example", "blocked")
    await ours.database.write(hosts.set_tier, "evil.example", tier)
    assert await ours.database.read(hidden) == (0 if tier else 3)
    assert await job(ours).run_once()
    assert await ours.database.read(hidden) == (3 if tier else 0)
    assert not await job(ours).run_once()


async def test_tier_that_was_set_once_more_is_not_taken_for_settled(ours: Place) -> None:
    await ours.database.write(hosts.set_tier, "evil.example", "blocked")
    times = (await ours.database.read(hosts.list_unsettled))["evil.example"]
    await ours.database.write(hosts.set_tier, "evil.example", None)
    await ours.database.write(hosts.record_settled, "evil.example", times)
    assert "evil.example" in await ours.database.read(hosts.list_unsettled)


def test_blocks_by_an_older_program_are_followed_as_well() -> None:
    raw = memory(up_to=11)
    raw.execute("INSERT INTO hosts (host, tier) VALUES ('evil.example', 'blocked'), ('a', NULL)")
    for number, script in schema.scripts().items():
        if number > 11:
            raw.executescript(script.read_text())
    assert hosts.list_unsettled(writer_on(raw)) == {"evil.example": 1}
