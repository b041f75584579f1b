"""Posts for later: planned, moved, taken back, posted in time; what then stands in the way."""

from datetime import timedelta
from typing import Any

import pytest

from server.actions.posts import media_attachments, scheduled_statuses
from server.actions.posts.scheduled_statuses import publish_next
from server.entities.shared import when
from server.services import SERVICES
from storage.access import accounts
from storage.engine.ids import ActorId
from storage.engine.transaction import Writer
from storage.lifecycle import erasure
from storage.posts import scheduled_posts as rows
from tests.server.api.test_media_attachments import sent
from tests.support.clock import Watch
from tests.support.servers import Person, Place

ALL = "/api/v1/scheduled_statuses"
HOUR = timedelta(hours=1)
POLL = {"options": ["Leek", "Kale"], "expires_in": 3600}


@pytest.fixture
async def alice(place: Place) -> Person:
    return await place.person("alice")


@pytest.fixture
async def bob(place: Place) -> Person:
    return await place.person("bob")


async def later(
    person: Person, watch: Watch, text: str = "Good morning.", by: timedelta = HOUR, **more: Any
) -> Any:
    return await person.say(text, scheduled_at=when(watch.now + by), **more)


async def at(place: Place, watch: Watch, by: timedelta = HOUR) -> int:
    """Let time pass and the job run; how many there were to do."""
    watch.advance(by)
    done = 0
    while await publish_next(place.app[SERVICES]):
        done += 1
        assert done < 50
    return done


async def test_scheduled_post_is_posted_in_time_as_it_was_asked_for(
    place: Place, watch: Watch, alice: Person, bob: Person
) -> None:
    planned = await later(
        alice, watch, "@bob #moth", spoiler_text="Wings", visibility="unlisted", language="de"
    )
    assert set(planned) == {"id", "scheduled_at", "params", "media_attachments"}
    assert planned["scheduled_at"] == when(watch.now + HOUR)
    params = planned["params"]
    assert (params["text"], params["visibility"]) == ("@bob #moth", "unlisted")
    assert (params["spoiler_text"], params["language"]) == ("Wings", "de")
    assert params["media_ids"] is params["poll"] is params["in_reply_to_id"] is None
    assert await alice.get(ALL) == [planned]
    assert await alice.get(f"{ALL}/{planned['id']}") == planned
    assert await at(place, watch, timedelta(minutes=59)) == 0
    assert await alice.home() == await bob.notified() == []
    assert await at(place, watch, timedelta(minutes=1)) == 1
    (said,) = await alice.home()
    assert said["spoiler_text"] == "Wings"
    assert (said["visibility"], said["language"]) == ("unlisted", "de")
    assert [tag["name"] for tag in said["tags"]] == ["moth"]
    assert said["created_at"] == when(watch.now)
    assert said["application"]["name"] == "Lantern"
    assert await bob.notified() == [("mention", "alice")]
    assert await alice.get(ALL) == []
    assert await at(place, watch) == 0


async def test_poll_is_open_from_when_it_is_posted(
    place: Place, watch: Watch, alice: Person
) -> None:
    planned = await later(alice, watch, "Soup?", poll=POLL)
    assert planned["params"]["poll"] == {**POLL, "multiple": False, "hide_totals": False}
    await at(place, watch, HOUR * 2)
    (said,) = await alice.home()
    assert said["poll"]["expires_at"] == when(watch.now + HOUR)


async def test_scheduled_post_is_moved_and_taken_back(
    place: Place, watch: Watch, alice: Person
) -> None:
    one, two = await later(alice, watch, "One"), await later(alice, watch, "Two")
    moved = await alice.call(
        "PUT", f"{ALL}/{one['id']}", json={"scheduled_at": when(watch.now + HOUR * 3)}
    )
    assert moved == {**one, "scheduled_at": when(watch.now + HOUR * 3)}
    assert await alice.call("DELETE", f"{ALL}/{two['id']}") == {}
    assert (await alice.ask("GET", f"{ALL}/{two['id']}"))[0] == 404
    assert await at(place, watch, HOUR * 2) == 0
    assert await at(place, watch) == 1
    assert [post["content"] for post in await alice.home()] == ["<p>One</p>"]


@pytest.mark.parametrize(
    "time", ["tomorrow", "2026-11-24T08:04:59Z", "2026-11-23T08:00:00", "9999-01-01T00:00:00Z", "1"]
)
async def test_time_has_to_be_a_time_some_minutes_from_now(alice: Person, time: str) -> None:
    form = {"status": "Soon", "scheduled_at": time}
    status, body = await alice.ask("POST", "/api/v1/statuses", json=form)
    assert status == 422 and body["error"]
    assert await alice.home() == await alice.get(ALL) == []


async def test_scheduled_posts_are_limited_in_all_and_on_a_day(
    watch: Watch, alice: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert (scheduled_statuses.MOST, scheduled_statuses.MOST_A_DAY) == (300, 25)
    monkeypatch.setattr(scheduled_statuses, "MOST", 4)
    monkeypatch.setattr(scheduled_statuses, "MOST_A_DAY", 2)
    day = timedelta(days=1)
    first, _ = [await later(alice, watch, by=by) for by in (HOUR, HOUR * 15)]
    full = {"scheduled_at": when(watch.now + HOUR * 2)}
    assert (await alice.ask("POST", "/api/v1/statuses", json={"status": "x", **full}))[0] == 422
    await later(alice, watch, by=HOUR * 16)  # the next day in UTC
    other = await later(alice, watch, by=day * 2)
    assert (await alice.ask("PUT", f"{ALL}/{other['id']}", json=full))[0] == 422
    assert (await alice.ask("PUT", f"{ALL}/{first['id']}", json=full))[0] == 200
    free = {"status": "x", "scheduled_at": when(watch.now + day * 5)}
    assert (await alice.ask("POST", "/api/v1/statuses", json=free))[0] == 422
    assert len(await alice.get(ALL)) == 4


async def test_list_is_read_in_parts(watch: Watch, alice: Person, bob: Person) -> None:
    made = [(await later(alice, watch, f"{n}"))["id"] for n in range(5)][::-1]
    await later(bob, watch, "Bob's")
    assert [one["id"] for one in await alice.get(ALL, limit=2)] == made[:2]
    assert [one["id"] for one in await alice.get(ALL, limit=2, max_id=made[1])] == made[2:4]
    assert [one["id"] for one in await alice.get(ALL, limit=2, min_id=made[4])] == made[2:4]
    headers = {"Authorization": f"Bearer {alice.token}"}
    async with alice.place.client.get(f"{ALL}?limit=2", headers=headers) as answer:
        assert f"max_id={made[1]}" in answer.headers["Link"]
        assert f"min_id={made[0]}" in answer.headers["Link"]


async def test_scheduled_post_sent_twice_is_kept_once_and_leads_to_the_post(
    place: Place, watch: Watch, alice: Person
) -> None:
    form = {"status": "Once", "scheduled_at": when(watch.now + timedelta(minutes=10))}
    asked = {"json": form, "headers": {"Idempotency-Key": "k"}}
    one, two = [await alice.call("POST", "/api/v1/statuses", **asked) for _ in range(2)]
    assert one == two
    assert one["params"]["idempotency"] == "k"
    assert await at(place, watch, timedelta(minutes=10)) == 1
    again = {**asked, "json": {"status": "Once"}}
    assert (await alice.call("POST", "/api/v1/statuses", **again)) == (await alice.home())[0]


# ---- what hangs on it ----


async def test_scheduled_pictures_wait_for_the_post_and_hang_nowhere_else(
    place: Place, watch: Watch, alice: Person
) -> None:
    first, second = [(await sent(alice))["id"] for _ in range(2)]
    planned = await later(alice, watch, by=HOUR * 80, media_ids=[second, first])
    assert [one["id"] for one in planned["media_attachments"]] == [second, first]
    assert planned["params"]["media_ids"] == [second, first]
    form = {"status": "Mine", "media_ids": [first]}
    assert (await alice.ask("POST", "/api/v1/statuses", json=form))[0] == 422
    form["scheduled_at"] = when(watch.now + HOUR)
    assert (await alice.ask("POST", "/api/v1/statuses", json=form))[0] == 422
    assert (await alice.ask("DELETE", f"/api/v1/media/{first}"))[0] == 404
    watch.advance(HOUR * 79)
    assert await media_attachments.forget_unattached(place.database, watch.now) == 0
    assert await at(place, watch) == 1
    (said,) = await alice.home()
    assert [one["id"] for one in said["media_attachments"]] == [second, first]


async def test_pictures_of_what_is_taken_back_are_free_for_a_while(
    place: Place, watch: Watch, alice: Person
) -> None:
    picture = (await sent(alice))["id"]
    planned = await later(alice, watch, by=HOUR * 80, media_ids=[picture])
    watch.advance(HOUR * 50)
    await alice.call("DELETE", f"{ALL}/{planned['id']}")
    assert await media_attachments.forget_unattached(place.database, watch.now) == 0
    assert (await alice.ask("GET", f"/api/v1/media/{picture}"))[0] == 200
    watch.advance(HOUR * 24)
    assert await media_attachments.forget_unattached(place.database, watch.now) == 1


# ---- what stands in the way ----


def frozen(writer: Writer, actor: int) -> None:
    writer.execute("UPDATE accounts SET frozen = '' WHERE actor = ?", actor)


def suspended(writer: Writer, actor: int) -> None:
    writer.execute("UPDATE actors SET moderation_state = 'suspended' WHERE id = ?", actor)


def disabled(writer: Writer, actor: int) -> None:
    accounts.set_state(writer, ActorId(actor), "disabled")


@pytest.mark.parametrize("kept_from", [frozen, suspended, disabled])
async def test_frozen_author_posts_nothing_that_was_planned_before(
    place: Place, watch: Watch, alice: Person, bob: Person, kept_from: Any
) -> None:
    planned = await later(alice, watch, "@bob hello")
    await place.database.write(kept_from, alice.actor.id)
    assert await at(place, watch) == 1
    assert await bob.notified() == []
    assert await place.database.read(lambda reader: reader.value("SELECT count(*) FROM posts")) == 0
    row = await place.database.read(rows.one, alice.actor.id, int(planned["id"]))
    assert row and row.reason == scheduled_statuses.NOT_ALLOWED
    assert await at(place, watch) == 0


async def test_answer_to_what_is_gone_waits_for_another_decision(
    place: Place, watch: Watch, alice: Person, bob: Person
) -> None:
    asked = await bob.say("Anybody?")
    planned = await later(alice, watch, "@bob I", in_reply_to_id=asked["id"])
    assert planned["params"]["in_reply_to_id"] == int(asked["id"])
    await bob.call("DELETE", f"/api/v1/statuses/{asked['id']}")
    assert await at(place, watch) == 1
    assert [one["id"] for one in await alice.get(ALL)] == [planned["id"]]
    assert await bob.notified() == []
    assert await at(place, watch) == 0
    await alice.call("PUT", f"{ALL}/{planned['id']}", json={"scheduled_at": when(watch.now + HOUR)})
    assert await at(place, watch) == 1  # tried, and parked again


async def test_answer_is_planned_only_to_what_one_may_see(
    watch: Watch, alice: Person, bob: Person
) -> None:
    secret = await bob.say("Between us", visibility="direct")
    form = {"status": "I heard", "scheduled_at": when(watch.now + HOUR)}
    form["in_reply_to_id"] = secret["id"]
    assert (await alice.ask("POST", "/api/v1/statuses", json=form))[0] == 404
    assert await alice.get(ALL) == []


async def test_fault_of_ours_puts_one_off_and_the_others_are_posted(
    place: Place, watch: Watch, alice: Person
) -> None:
    broken, _ = await later(alice, watch, "Broken"), await later(alice, watch, "Whole")
    await place.database.write(_break, int(broken["id"]))
    assert await at(place, watch) == 2
    assert [post["content"] for post in await alice.home()] == ["<p>Whole</p>"]
    assert [one["id"] for one in await alice.get(ALL)] == [broken["id"]]


def _break(writer: Writer, id_: int) -> None:
    """Change it to what a later version of the program might have written."""
    writer.execute(
        "UPDATE scheduled_posts SET wish = json_set(wish, '$.unheard_of', 1) WHERE id = ?", id_
    )


async def test_former_author_posts_nothing_more(place: Place, watch: Watch, alice: Person) -> None:
    await later(alice, watch)

    def leave(writer: Writer) -> None:
        erasure.close_account(writer, alice.actor.id)
        while erasure.erase(writer, alice.actor.id):
            pass

    await place.database.write(leave)
    assert await at(place, watch) == 0
    count = "SELECT count(*) FROM scheduled_posts"
    assert await place.database.read(lambda reader: reader.value(count)) == 0


async def test_post_that_is_out_cannot_be_planned(watch: Watch, alice: Person) -> None:
    said = await alice.say("Out")
    form = {"status": "Later", "scheduled_at": when(watch.now + HOUR)}
    assert (await alice.ask("PUT", f"/api/v1/statuses/{said['id']}", json=form))[0] == 422
