"""Reports: told by members, told by servers, told on to servers (SECURITY 76, 85)."""

from typing import Any

from orjson import loads

from federation.activities.flag import MOST_COMMENT, MOST_OPEN
from server.moderation import domain_limits
from server.moderation.account_decisions import COMMAND_LINE
from server.moderation.domain_limits import DomainLimitParams
from storage.access import accounts
from storage.engine.transaction import Writer
from storage.moderation import reports
from storage.moderation.reports import Report
from tests.federation.world import Neighbour, Stranger, verdict
from tests.support.servers import Person, Place, settle


async def reported(place: Place) -> list[tuple[Any, ...]]:
    return await place.database.read(
        lambda reader: reader.rows(
            "SELECT s.name, t.name, r.comment, r.category, r.forwarded, (SELECT count(*)"
            " FROM report_posts p WHERE p.report = r.id) FROM reports r"
            " JOIN actors s ON s.id = r.reporter JOIN actors t ON t.id = r.target ORDER BY r.id"
        )
    )


async def test_member_tells_of_another_and_those_who_look_after_things_hear_of_it(
    ours: Place, alice: Person
) -> None:
    mallory, stella = await ours.person("mallory"), await ours.person("stella", role="steward")
    said = await mallory.say("Buy my watches.")
    given = {
        "account_id": mallory.id,
        "status_ids": [said["id"]],
        "comment": "It is spam.",
        "category": "spam",
    }
    made = await alice.post("/api/v1/reports", **given)
    assert made["category"] == "spam"
    assert made["status_ids"] == [said["id"]]
    assert made["target_account"]["acct"] == "mallory"
    assert made["action_taken"] is False
    assert await reported(ours) == [("alice", "mallory", "It is spam.", "spam", 0, 1)]
    (told,) = [one for one in await stella.get("/api/v1/notifications") if "report" in one]
    assert (told["type"], told["account"]["acct"]) == ("admin.report", "alice")
    assert told["report"] == made
    assert [one for one in await mallory.notified() if one[0] == "admin.report"] == []
    assert [one for one in await alice.notified() if one[0] == "admin.report"] == []


async def test_former_moderator_reads_no_report_notification(ours: Place, alice: Person) -> None:
    mallory, stella = await ours.person("mallory"), await ours.person("stella", role="steward")
    await alice.post("/api/v1/reports", account_id=mallory.id, comment="It is spam.")
    (told,) = [one for one in await stella.get("/api/v1/notifications") if "report" in one]
    unread = (await stella.get("/api/v1/notifications/unread_count"))["count"]
    await ours.database.write(accounts.set_role, stella.actor.id, "member")
    for path in ("", "?types[]=admin.report"):
        found = await stella.get(f"/api/v1/notifications{path}")
        assert [one for one in found if one["type"] == "admin.report"] == []
    assert (await stella.ask("GET", f"/api/v1/notifications/{told['id']}"))[0] == 404
    assert (await stella.get("/api/v1/notifications/unread_count"))["count"] == unread - 1


async def test_second_report_is_told_too(ours: Place, alice: Person) -> None:
    stella, mallory = await ours.person("stella", role="admin"), await ours.person("mallory")
    for _ in range(2):
        await alice.post("/api/v1/reports", account_id=mallory.id)
    told = [one for one in await stella.get("/api/v1/notifications") if "report" in one]
    assert len({one["report"]["id"] for one in told}) == 2


async def test_report_of_an_unseen_post_is_refused(ours: Place, alice: Person) -> None:
    mallory, bob = await ours.person("mallory"), await ours.person("bob")
    secret = await mallory.say("@bob Between us.", visibility="direct")
    others = await bob.say("I am somebody else.")
    for posts, expected in (([secret["id"]], 404), (["7"], 404), ([others["id"]], 422)):
        given = {"account_id": mallory.id, "status_ids": posts}
        status, _ = await alice.ask("POST", "/api/v1/reports", json=given)
        assert status == expected, posts
    wishes: list[dict[str, Any]] = [
        {"category": "taste"},
        {"category": "violation", "rule_ids": ["99"]},
    ]
    for wrong in wishes:
        given = {"account_id": mallory.id, **wrong}
        status, _ = await alice.ask("POST", "/api/v1/reports", json=given)
        assert status == 422, wrong
    assert await reported(ours) == []


async def test_report_is_told_on_without_a_name(
    ours: Place, alice: Person, victim: Neighbour
) -> None:
    vera = victim.person("vera")
    number = await alice.find("@vera@victim.example")
    await settle(ours)
    victim.asked.clear()
    await alice.post("/api/v1/reports", account_id=number, comment="Quietly.")
    await settle(ours)
    assert victim.arrived == []
    made = await alice.post(
        "/api/v1/reports", account_id=number, comment="Please look.", forward=True
    )
    await settle(ours)
    assert made["forwarded"] is True
    (sent,) = victim.arrived
    said = loads(sent.body)
    assert (said["type"], said["content"], said["object"]) == ("Flag", "Please look.", [vera.uri])
    assert said["actor"] == "http://ours.example/actor"
    assert b"alice" not in sent.body
    assert alice.actor.uri.encode() not in sent.body


async def test_server_tells_of_one_of_ours(
    ours: Place, alice: Person, victim: Neighbour, vera: Stranger
) -> None:
    ada, bob = await ours.person("ada", role="admin"), await ours.person("bob")
    public = await alice.say("For all to read.")
    secret = await alice.say("@bob For you.", visibility="direct")
    others = await bob.say("By bob.")
    objects = [alice.actor.uri, public["uri"], secret["uri"], others["uri"]]
    flag = vera.says("Flag", objects, content="She is rude. " + "x" * 9000)
    assert await vera.tell(ours, flag) == 202
    await settle(ours)
    assert (await verdict(ours, flag))[0] == "done"
    ((by, about, comment, category, forwarded, posts),) = await reported(ours)
    assert (by, about, category, forwarded, posts) == ("vera", "alice", "other", 0, 1)
    assert comment.startswith("She is rude.")
    assert len(comment) == MOST_COMMENT
    told = [one for one in await ada.get("/api/v1/notifications") if "report" in one]
    assert [one["report"]["status_ids"] for one in told] == [[public["id"]]]


async def test_report_about_nobody_here_is_none(
    ours: Place, alice: Person, vera: Stranger, evil: Neighbour
) -> None:
    mallory = evil.person("mallory")
    await alice.find("@mallory@evil.example")
    nothing: list[Any] = [
        [mallory.uri],
        ["http://ours.example/actor"],
        ["http://ours.example/posts/7"],
        [],
        [{"a": 1}],
        7,
    ]
    for objects in nothing:
        flag = vera.says("Flag", objects, content=7)
        assert await vera.tell(ours, flag) in {202, 400}
        await settle(ours)
        assert (await verdict(ours, flag))[0] in {"refused", ""}, objects
    assert await reported(ours) == []


async def test_server_whose_reports_are_not_taken_tells_nothing(
    ours: Place, alice: Person, vera: Stranger
) -> None:
    params = DomainLimitParams(tier=None, reject_reports=True)
    await domain_limits.put(ours.database, COMMAND_LINE, "victim.example", params)
    flag = vera.says("Flag", [alice.actor.uri])
    await vera.tell(ours, flag)
    await settle(ours)
    assert (await verdict(ours, flag))[0] == "refused"
    assert await reported(ours) == []


async def test_reports_of_one_server_do_not_fill_the_list(
    ours: Place, alice: Person, vera: Stranger
) -> None:
    def fill(writer: Writer) -> None:
        reporter = writer.value("SELECT id FROM actors WHERE uri = ?", vera.uri)
        for _ in range(MOST_OPEN):
            id_ = writer.new_small_id()
            made = Report(
                id=id_,
                uri=f"{vera.at.origin}/flags/{id_}",
                reporter=reporter,
                target=alice.actor.id,
                created_at=writer.now,
                updated_at=writer.now,
            )
            reports.add(writer, made)

    await ours.database.write(fill)
    flag = vera.says("Flag", [alice.actor.uri])
    await vera.tell(ours, flag)
    await settle(ours)
    assert (await verdict(ours, flag))[0] == "refused"
    assert len(await reported(ours)) == MOST_OPEN


async def test_flag_in_anothers_name_is_none(
    ours: Place, alice: Person, vera: Stranger, evil: Neighbour
) -> None:
    mallory = evil.person("mallory")
    flag = mallory.says("Flag", [alice.actor.uri]) | {
        "actor": vera.uri,
        "id": f"{vera.at.origin}/activities/forged",
    }
    await mallory.tell(ours, flag)
    await settle(ours)
    assert await reported(ours) == []
