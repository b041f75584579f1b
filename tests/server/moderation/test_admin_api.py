"""The admin API over HTTP, as moderation clients use it (SECURITY 67, 85)."""

import sqlite3
from typing import Any

import pytest

from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer
from storage.moderation import audit_log, reports
from storage.moderation.reports import Report
from tests.storage import cast
from tests.support.servers import ALL, Person, Place

OFFICE = f"{ALL} admin:read admin:write"
ACCOUNTS = "/api/v1/admin/accounts"


@pytest.fixture
async def ada(place: Place) -> Person:
    return await place.person("ada", role="admin", scopes=OFFICE)


@pytest.fixture
async def mallory(place: Place) -> Person:
    return await place.person("mallory")


async def decide(ada: Person, who: Person, type_: str, **more: Any) -> None:
    assert await ada.post(f"{ACCOUNTS}/{who.id}/action", type=type_, **more) == {}


async def test_accounts_are_listed_by_what_they_are(
    place: Place, ada: Person, mallory: Person
) -> None:
    found = await ada.get(ACCOUNTS, local="true")
    assert [one["username"] for one in found] == ["mallory", "ada"]
    assert await ada.get(ACCOUNTS, remote="true") == []
    assert [one["username"] for one in await ada.get(ACCOUNTS, staff="true")] == ["ada"]
    assert [one["username"] for one in await ada.get(ACCOUNTS, email="mallory@")] == ["mallory"]
    second = await ada.get("/api/v2/admin/accounts", origin="local", permissions="staff")
    assert [one["role"]["name"] for one in second] == ["Admin"]
    one = await ada.get(f"{ACCOUNTS}/{mallory.id}")
    assert one == found[0]
    assert (one["email"], one["account"]["acct"]) == ("mallory@post.example", "mallory")


async def test_frozen_means_reading_and_not_acting(
    place: Place, ada: Person, mallory: Person
) -> None:
    await decide(ada, mallory, "disable", text="Sleep on it.")
    assert [one["username"] for one in await ada.get(ACCOUNTS, disabled="true")] == ["mallory"]
    await mallory.get("/api/v1/timelines/home")
    status, body = await mallory.ask("POST", "/api/v1/statuses", json={"status": "But!"})
    assert status == 403
    assert "frozen" in body["error"]
    assert "Sleep on it." in body["error"]
    (told,) = await mallory.get("/api/v1/notifications", **{"types[]": "moderation_warning"})
    assert told["moderation_warning"]["action"] == "disable"
    assert told["moderation_warning"]["text"] == "Sleep on it."
    enabled = await ada.post(f"{ACCOUNTS}/{mallory.id}/enable")
    assert enabled["disabled"] is False
    await mallory.say("Good morning.")


async def test_silenced_means_heard_by_those_who_follow(
    place: Place, ada: Person, mallory: Person
) -> None:
    bob = await place.person("bob")
    said = await mallory.say("Hear me #tea")
    await mallory.call("PATCH", "/api/v1/accounts/update_credentials", json={"indexable": True})
    assert len((await bob.get("/api/v2/search", q="hear", type="statuses"))["statuses"]) == 1
    for path in ("/api/v1/directory?local=true", "/api/v2/suggestions"):
        assert "mallory" in str(await bob.get(path)), path
    await decide(ada, mallory, "silence")
    for path in ("/api/v1/timelines/public", "/api/v1/timelines/tag/tea"):
        assert await bob.get(path) == []
    assert await bob.get("/api/v1/accounts/search", q="mall") == []
    found = await bob.get("/api/v2/search", q="hear", type="statuses")
    assert found["statuses"] == []
    for path in ("/api/v1/directory?local=true", "/api/v2/suggestions"):
        assert "mallory" not in str(await bob.get(path)), path
    assert (await bob.get(f"/api/v1/statuses/{said['id']}"))["account"]["limited"] is True
    await mallory.say("@bob do you hear me?")
    assert ("mention", "mallory") not in await bob.notified()
    await bob.follow(mallory)
    await mallory.say("@bob and now?")
    assert ("mention", "mallory") in await bob.notified()
    lifted = await ada.post(f"{ACCOUNTS}/{mallory.id}/unsilence")
    assert lifted["silenced"] is False
    assert len(await bob.get("/api/v1/timelines/public")) == 3


async def test_sensitive_marks_all_they_show(place: Place, ada: Person, mallory: Person) -> None:
    before = await mallory.say("Look.")
    await decide(ada, mallory, "sensitive")
    after = await mallory.say("And look.")
    for one in (before, after):
        shown = await ada.get(f"/api/v1/statuses/{one['id']}")
        assert shown["sensitive"] is True
    await ada.post(f"{ACCOUNTS}/{mallory.id}/unsensitive")
    assert (await ada.get(f"/api/v1/statuses/{before['id']}"))["sensitive"] is False


async def test_suspended_means_gone_until_it_is_taken_back(
    place: Place, ada: Person, mallory: Person
) -> None:
    said = await mallory.say("Here I am.")
    await decide(ada, mallory, "suspend", text="Enough.")
    status, _ = await mallory.ask("GET", "/api/v1/timelines/home")
    assert status == 403
    for path in (f"/api/v1/statuses/{said['id']}", f"/api/v1/accounts/{mallory.id}"):
        status, _ = await ada.ask("GET", path)
        assert status == 404, path
    assert (await ada.get(f"{ACCOUNTS}/{mallory.id}"))["suspended"] is True
    await ada.post(f"{ACCOUNTS}/{mallory.id}/unsuspend")
    await ada.get(f"/api/v1/statuses/{said['id']}")
    await mallory.get("/api/v1/timelines/home")


async def test_suspension_for_good_means_that_the_address_cannot_be_used_again(
    place: Place, ada: Person, mallory: Person
) -> None:
    status, body = await ada.ask("DELETE", f"{ACCOUNTS}/{mallory.id}")
    assert (status, "Suspend" in body["error"]) == (422, True)
    await decide(ada, mallory, "suspend")
    await ada.call("DELETE", f"{ACCOUNTS}/{mallory.id}")
    status, _ = await ada.ask("GET", f"{ACCOUNTS}/{mallory.id}")
    assert status == 404
    tested = await ada.post(
        "/api/v1/admin/canonical_email_blocks/test", email="M.allory+new@post.example"
    )
    assert len(tested) == 1


async def test_decision_settles_what_was_told(place: Place, ada: Person, mallory: Person) -> None:
    bob = await place.person("bob")
    said = await mallory.say("@bob Psst.", visibility="direct")
    first = await bob.post("/api/v1/reports", account_id=mallory.id, status_ids=[said["id"]])
    await bob.post("/api/v1/reports", account_id=mallory.id, comment="Again.")
    found = await ada.get("/api/v1/admin/reports")
    assert [len(one["statuses"]) for one in found] == [0, 1]
    path = f"/api/v1/admin/reports/{first['id']}"
    taken = await ada.post(f"{path}/assign_to_self")
    assert taken["assigned_account"]["username"] == "ada"
    assert (await ada.post(f"{path}/unassign"))["assigned_account"] is None
    changed = await ada.call("PUT", path, json={"category": "violation", "rule_ids": ["1"]})
    assert (changed["category"], [rule["id"] for rule in changed["rules"]]) == ("violation", ["1"])
    await decide(ada, mallory, "none", report_id=first["id"], text="Please do not.")
    shown = await ada.get(path)
    assert shown["action_taken_by_account"]["username"] == "ada"
    assert len(await ada.get("/api/v1/admin/reports")) == 1
    assert (await ada.post(f"{path}/reopen"))["action_taken"] is False
    await decide(ada, mallory, "silence")
    assert await ada.get("/api/v1/admin/reports") == []
    assert len(await ada.get("/api/v1/admin/reports", resolved="true")) == 2


async def test_reading_what_is_not_for_everybody_is_written_down(
    place: Place, ada: Person, mallory: Person
) -> None:
    bob = await place.person("bob")
    public, secret = (
        await mallory.say("Hello."),
        await mallory.say("@bob Psst.", visibility="direct"),
    )
    one = await bob.post("/api/v1/reports", account_id=mallory.id, status_ids=[public["id"]])
    await ada.get(f"/api/v1/admin/reports/{one['id']}")
    assert await acts(place) == []
    two = await bob.post("/api/v1/reports", account_id=mallory.id, status_ids=[secret["id"]])
    await ada.get(f"/api/v1/admin/reports/{two['id']}")
    ((action, subject, detail),) = await acts(place)
    assert (action, subject) == ("report.read", f"report {two['id']}")
    assert detail == {"posts": [int(secret["id"])]}


async def acts(place: Place) -> list[tuple[str, str, Any]]:
    found = await place.database.read(lambda reader: audit_log.page_of(reader, Page(100)))
    return [(act.action, act.subject, act.detail) for act in found]


async def test_log_cannot_be_changed(place: Place, ada: Person, mallory: Person) -> None:
    await decide(ada, mallory, "silence")
    for statement in ("UPDATE audit_log SET action = 'x'", "DELETE FROM audit_log"):
        with pytest.raises(sqlite3.IntegrityError, match="append only"):
            await place.database.write(Writer.execute, statement)
    assert [action for action, _, _ in await acts(place)] == ["account.silence"]


async def test_decision_about_ones_like_is_refused(
    place: Place, ada: Person, mallory: Person
) -> None:
    erin = await place.person("erin", role="admin")
    for who in (ada, erin):
        given = {"type": "suspend"}
        status, body = await ada.ask("POST", f"{ACCOUNTS}/{who.id}/action", json=given)
        assert status == 422, body
    await ada.get(f"{ACCOUNTS}/{erin.id}")
    await erin.get("/api/v1/timelines/home")


async def test_servers_are_limited_changed_and_let_be(place: Place, ada: Person) -> None:
    path = "/api/v1/admin/domain_blocks"
    given = {"domain": "Evil.example", "severity": "silence", "public_comment": "Loud."}
    made = await ada.post(path, **given)
    assert (made["domain"], made["severity"]) == ("evil.example", "silence")
    for wrong, expected in (
        ({"domain": "evil.example"}, 422),
        ({"domain": "home.example"}, 422),
        ({"domain": "no name"}, 422),
        ({"domain": "x.example", "severity": "hate"}, 422),
    ):
        status, _ = await ada.ask("POST", path, json=wrong)
        assert status == expected, wrong
    changed = await ada.call(
        "PUT", f"{path}/{made['id']}", json={"severity": "suspend", "reject_media": "true"}
    )
    assert (changed["severity"], changed["reject_media"]) == ("suspend", True)
    assert changed["public_comment"] == "Loud."
    assert await ada.get(path) == [changed]
    assert await ada.call("DELETE", f"{path}/{made['id']}") == {}
    assert await ada.get(path) == []
    status, _ = await ada.ask("GET", f"{path}/{made['id']}")
    assert status == 404
    assert await ada.get("/api/v1/admin/domain_allows") == []
    status, _ = await ada.ask(
        "POST", "/api/v1/admin/domain_allows", json={"domain": "good.example"}
    )
    assert status == 422


async def test_account_list_costs_the_same_for_one_and_for_forty(place: Place, ada: Person) -> None:
    bob = await place.person("bob")

    def more(writer: Writer) -> None:
        for number in range(40):
            id_ = cast.account(writer, f"member{number}")
            made = Report(
                id=writer.new_small_id(),
                uri=f"http://home.example/flags/{number}",
                reporter=bob.actor.id,
                target=id_,
                created_at=writer.now,
                updated_at=writer.now,
            )
            reports.add(writer, made)

    paths = (ACCOUNTS, "/api/v2/admin/accounts", "/api/v1/admin/reports")
    carol = await place.person("carol")
    await bob.post("/api/v1/reports", account_id=carol.id)
    for path in paths:
        await ada.get(path)  # what is remembered of the caller is remembered now
    before = [await statements(place, ada, path) for path in paths]
    await place.database.write(more)
    assert [await statements(place, ada, path) for path in paths] == before


async def statements(place: Place, ada: Person, path: str) -> int:
    """Number of statements that are issued for a page."""
    seen: list[str] = []
    usual = Reader.rows, Reader.named

    def rows(reader: Reader, sql: str, *values: Any) -> Any:
        seen.append(sql)
        return usual[0](reader, sql, *values)

    def named(reader: Reader, sql: str, values: dict[str, Any]) -> Any:
        seen.append(sql)
        return usual[1](reader, sql, values)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Reader, "rows", rows)
        patch.setattr(Reader, "named", named)
        await ada.get(path)
    return len(seen)


async def test_report_about_an_admin_is_not_settled_by_an_admin(
    place: Place, ada: Person, mallory: Person
) -> None:
    dora, bob = await place.person("dora", role="admin", scopes=OFFICE), await place.person("bob")
    made = await bob.post("/api/v1/reports", account_id=ada.id, comment="She shouts.")
    everything, path = "/api/v1/admin/reports", f"/api/v1/admin/reports/{made['id']}"
    assert await ada.get(everything) == []
    assert await ada.get(everything, target_account_id=ada.id) == []
    assert (await ada.ask("GET", path))[0] == 404
    assert [one["id"] for one in await dora.get(everything)] == [made["id"]]
    before = await dora.get(path)
    tried = [("POST", f"{path}/{do}") for do in ("assign_to_self", "unassign", "resolve", "reopen")]
    for method, address in [("PUT", path), *tried]:
        assert (await ada.ask(method, address, json={"category": "spam"}))[0] == 404, address
        assert (await dora.ask(method, address, json={"category": "spam"}))[0] == 422, address
    decided = {"type": "none", "text": "Oh.", "report_id": made["id"]}
    for admin in (ada, dora):
        about_another = f"{ACCOUNTS}/{mallory.id}/action"
        assert (await admin.ask("POST", about_another, json=decided))[0] == 404
    assert await dora.get(path) == before
    other = await bob.post("/api/v1/reports", account_id=mallory.id)
    assert (await ada.post(f"{everything}/{other['id']}/resolve"))["action_taken"] is True
