"""The stewards' desk in a browser without scripts (SECURITY 69, 85)."""

import re
from datetime import timedelta
from typing import Any

import pytest

from server.moderation import account_decisions
from storage.access import accounts
from storage.engine.pagination import Page
from storage.moderation import audit_log
from tests.support.servers import PASSWORD, Person, Place

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


class Browser:
    """Somebody who logged in; cookies are carried by hand."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.cookies: dict[str, str] = {}

    async def ask(self, method: str, path: str, **form: str) -> tuple[int, str, str]:
        """Status, page, and where it leads."""
        given: dict[str, Any] = {"data": form} if method == "POST" else {}
        cookie = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        headers = {"Accept": "text/html", "Cookie": cookie}
        async with self.place.client.request(
            method, path, headers=headers, allow_redirects=False, **given
        ) as answer:
            for name, morsel in answer.cookies.items():
                self.cookies[name] = morsel.value
            return answer.status, await answer.text(), answer.headers.get("Location", "")

    async def get(self, path: str) -> str:
        status, text, _ = await self.ask("GET", path)
        assert status == 200, (path, status, text)
        return text

    async def send(self, page: str, path: str, **form: str) -> tuple[int, str, str]:
        """Send a form of a page that is open."""
        (csrf, *_) = re.findall(r'name="csrf" value="([^"]+)"', page)
        return await self.ask("POST", path, csrf=csrf, **form)

    async def enter(self, name: str) -> None:
        page = await self.get("/login")
        status, _, _ = await self.send(page, "/login", login=name, password=PASSWORD)
        assert status == 303


async def browser(place: Place, name: str) -> Browser:
    made = Browser(place)
    await made.enter(name)
    return made


@pytest.fixture
async def stella(place: Place) -> Person:
    return await place.person("stella", role="steward")


async def acts(place: Place) -> list[str]:
    found = await place.database.read(lambda reader: audit_log.page_of(reader, Page(100)))
    return [act.action for act in found]


async def test_report_is_read_and_decided_on(place: Place, stella: Person) -> None:
    alice, mallory = await place.person("alice"), await place.person("mallory")
    said = await mallory.say("@alice Between us: go away.", visibility="direct")
    made = await alice.post(
        "/api/v1/reports", account_id=mallory.id, status_ids=[said["id"]], comment="He was <rude>."
    )
    desk = await browser(place, "stella")
    assert f"/desk/reports/{made['id']}" in await desk.get("/desk")
    page = await desk.get(f"/desk/reports/{made['id']}")
    assert "He was &lt;rude&gt;." in page
    assert "go away" in page
    assert await acts(place) == ["report.read"]
    status, _, where = await desk.send(
        page, f"/desk/reports/{made['id']}", do="decide", action="freeze", text="Rest a while."
    )
    assert (status, where) == (303, f"/desk/reports/{made['id']}?done=1")
    status, body = await mallory.ask("POST", "/api/v1/statuses", json={"status": "What?"})
    assert status == 403
    assert "Rest a while." in body["error"]
    page = await desk.get(f"/desk/reports/{made['id']}")
    status, _, _ = await desk.send(page, f"/desk/reports/{made['id']}", do="undo-freeze")
    assert status == 303
    await mallory.say("Sorry.")
    assert "account.freeze" in await desk.get("/desk/log")


async def test_newcomers_are_welcomed_or_turned_away(place: Place, stella: Person) -> None:
    for name in ("bep", "spam"):
        await place.person(name)
    await place.database.write(_wait, ["bep", "spam"])
    desk = await browser(place, "stella")
    page = await desk.get("/desk")
    ids = dict(re.findall(r'@(bep|spam)</bdi>.*?name="account" value="(\d+)"', page, re.DOTALL))
    status, _, _ = await desk.send(page, "/desk/newcomers", account=ids["bep"], do="welcome")
    assert status == 303
    status, _, _ = await desk.send(page, "/desk/newcomers", account=ids["spam"], do="no")
    assert status == 303
    states: dict[str, str] = await place.database.read(
        lambda reader: dict(
            reader.rows("SELECT a.name, c.state FROM accounts c JOIN actors a ON a.id = c.actor")
        )
    )
    assert states == {"stella": "active", "bep": "active"}
    assert await acts(place) == ["account.reject", "account.approve"]


def _wait(writer: Any, names: list[str]) -> None:
    for name in names:
        id_ = writer.value("SELECT id FROM actors WHERE name = ?", name)
        writer.execute("DELETE FROM follows WHERE follower = ?", id_)
        writer.execute("DELETE FROM deliveries")
        writer.execute("DELETE FROM activities WHERE actor = ?", id_)
        writer.execute("DELETE FROM collection_members WHERE actor = ?", id_)
        writer.execute("UPDATE actors SET moderation_state = 'pending' WHERE id = ?", id_)
        accounts.set_state(writer, id_, "pending")


async def test_members_do_not_come_to_the_moderation_pages(place: Place) -> None:
    await place.person("bob")
    visitor = await browser(place, "bob")
    for path in ("/desk", "/desk/log", "/desk/reports/7"):
        status, _, _ = await visitor.ask("GET", path)
        assert status == 403, path
    assert 'href="/desk"' not in await visitor.get("/settings")


async def test_decision_needs_a_fresh_proof(place: Place, stella: Person, watch: Any) -> None:
    mallory = await place.person("mallory")
    alice = await place.person("alice")
    made = await alice.post("/api/v1/reports", account_id=mallory.id)
    desk = await browser(place, "stella")
    page = await desk.get(f"/desk/reports/{made['id']}")
    watch.advance(timedelta(minutes=20))
    status, _, where = await desk.send(
        page, f"/desk/reports/{made['id']}", do="decide", action="suspend", text=""
    )
    assert status == 303
    assert where.startswith("/settings/prove?next=")
    await mallory.get("/api/v1/timelines/home")


async def test_invitation_keeps_who_gave_it(place: Place) -> None:
    bob = await place.person("bob")
    visitor = await browser(place, "bob")
    page = await visitor.get("/invite")
    _, page, _ = await visitor.send(page, "/invite", days="7", uses="1")
    (code,) = re.findall(r"invite_code=([\w-]+)", page)
    guest = Browser(place)
    form = await guest.get(f"/signup?invite_code={code}")
    given = {
        "username": "gus",
        "email": "gus@post.example",
        "password": PASSWORD,
        "agreement": "1",
        "invite_code": code,
        "reason": "Bob said so.",
    }
    status, text, _ = await guest.send(form, "/signup", **given)
    assert status == 200, text
    account = await place.database.read(accounts.by_login, "gus")
    assert account is not None
    assert account.invited_by == bob.actor.id
    assert "gus" not in await visitor.get("/invite"), "not before they are welcome"
    await place.database.write(
        account_decisions.approve, account_decisions.COMMAND_LINE, account.actor
    )
    assert "gus" in await visitor.get("/invite")


async def test_report_about_a_steward_is_not_settled_by_a_steward(
    place: Place, stella: Person
) -> None:
    """Forms do not help: it is not there for whom it is about, and no equal acts on it."""
    alice, bob = await place.person("alice"), await place.person("bob")
    await place.person("stan", role="steward")
    await place.person("ada", role="admin")
    made = await alice.post("/api/v1/reports", account_id=stella.id, comment="She shouts.")
    other = await alice.post("/api/v1/reports", account_id=bob.id)
    path = f"/desk/reports/{made['id']}"
    acts_tried = (
        {"do": "decide", "action": "none"},
        {"do": "assign"},
        {"do": "unassign"},
        {"do": "reopen"},
    )
    for name, shown, refused in (("stella", 404, 404), ("stan", 200, 422)):
        desk = await browser(place, name)
        assert (path in await desk.get("/desk")) is (shown == 200)
        status, text, _ = await desk.ask("GET", path)
        assert (status, "She shouts." in text) == (shown, shown == 200)
        page = await desk.get(f"/desk/reports/{other['id']}")
        for form in acts_tried:
            status, _, _ = await desk.send(page, path, **form)
            assert status == refused, (name, form)
    assert not {one for one in await acts(place) if one.startswith("report.")}
    desk = await browser(place, "ada")
    status, _, _ = await desk.send(await desk.get(path), path, do="decide", action="none")
    assert status == 303
    assert await acts(place) == ["report.resolve"]
    assert path not in await (await browser(place, "stella")).get("/desk"), "nor once it is settled"


async def test_invitations_name_only_whom_everybody_sees(place: Place) -> None:
    bob = await place.person("bob")
    names = ("active", "pending", "suspended", "deleted")
    for state in names:
        guest = await place.person(f"guest_{state}")
        await place.database.write(_came_by, bob.actor.id, guest.actor.id, state)
    page = await (await browser(place, "bob")).get("/invite")
    assert [state for state in names if f"guest_{state}" in page] == ["active"]


def _came_by(writer: Any, sponsor: int, guest: int, state: str) -> None:
    writer.execute("UPDATE accounts SET invited_by = ? WHERE actor = ?", sponsor, guest)
    writer.execute("UPDATE actors SET moderation_state = ? WHERE id = ?", state, guest)
