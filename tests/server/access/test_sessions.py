"""Logging in and out, passwords, and what ends when they change (SECURITY 55, 68, 69, 71)."""

import re
from datetime import timedelta
from typing import Any

import pytest

from server.access import passwords
from server.pages.access.sessions import onward
from storage.access import accounts, sessions
from storage.people import actors
from tests.server.access.test_oauth import Browser
from tests.support.clock import Watch
from tests.support.servers import PASSWORD, Place

NEW = "another sentence to remember"


@pytest.mark.parametrize(
    "wrong",
    [
        "//evil.example",
        "///evil.example",
        "/\\evil.example",
        "\\\\evil.example",
        "https://evil.example",
        "javascript:alert(1)",
        "/a\r\nSet-Cookie: a=b",
        "/\tx",
        "evil",
        "",
        None,
        "http:///x",
        "/" + "/evil.example/%2e%2e",
    ],
)
def test_redirect_leads_to_our_own_host_only(wrong: str | None) -> None:
    assert onward(wrong) == "/"


@pytest.mark.parametrize("good", ["/settings", "/oauth/authorize?a=b&c=https%3A%2F%2Fx", "/@ines"])
def test_redirect_leads_where_one_wanted_to_go(good: str) -> None:
    assert onward(good) == good


async def test_session_begins_under_a_new_number_and_ends_with_logging_out(place: Place) -> None:
    await place.person("ines")
    browser = Browser(place)
    await browser.log_in("ines")
    first = browser.cookies["kith"]
    header = browser.headers["Set-Cookie"]
    assert "HttpOnly" in header
    assert "SameSite=Lax" in header
    await browser.log_in("ines@post.example")
    assert browser.cookies["kith"] != first
    old = Browser(place, {"kith": first})
    assert await old.ask("GET", "/settings") == 303
    assert await browser.ask("GET", "/settings") == 200
    form = browser.values("/logout")
    assert await browser.ask("POST", "/logout", form) == 303
    assert await browser.ask("GET", "/settings") == 303


async def test_wrong_names_and_wrong_passwords_look_alike(place: Place) -> None:
    await place.person("ines")
    pages = []
    for name in ("ines", "nobody"):
        browser = Browser(place)
        assert await browser.log_in(name, "not the right one") == 422
        text = re.sub('name="csrf" value="[^"]*"', "", browser.text).replace(name, "NAME")
        pages.append(text)
        assert "kith" not in browser.cookies
    assert pages[0] == pages[1]


async def test_work_is_the_same_for_somebody_and_nobody() -> None:
    known = await passwords.hash_password(PASSWORD)
    assert await passwords.fits(PASSWORD, known)
    assert not await passwords.fits("wrong", known)
    assert not await passwords.fits("nobody has this password", None)


@pytest.mark.parametrize("state", ["pending", "disabled", "suspended"])
async def test_refused_account_learns_why_only_with_the_password(place: Place, state: Any) -> None:
    ines = await place.person("ines")
    if state == "suspended":
        await place.database.write(actors.set_moderation_state, ines.actor.id, "suspended")
    else:
        await place.database.write(accounts.set_state, ines.actor.id, state)
    browser = Browser(place)
    assert await browser.log_in("ines", "wrong") == 422
    wrong = browser.text
    assert await browser.log_in("ines") == 422
    expected = "waiting for a steward" if state == "pending" else "cannot log in at the moment"
    assert expected in browser.text
    assert expected not in wrong


async def test_new_password_ends_everything_else(place: Place) -> None:
    ines = await place.person("ines")
    site, elsewhere = Browser(place), Browser(place)
    await site.log_in("ines")
    await elsewhere.log_in("ines")
    await site.ask("GET", "/settings")
    form = site.values("/settings/password")
    wrong = form | {"current_password": "wrong", "new_password": "short"}
    assert await site.ask("POST", "/settings/password", wrong) == 422
    right = form | {"current_password": PASSWORD, "new_password": NEW}
    assert await site.ask("POST", "/settings/password", right) == 303
    assert await site.ask("GET", "/settings") == 200
    assert await elsewhere.ask("GET", "/settings") == 303
    assert (await ines.ask("GET", "/api/v1/preferences"))[0] == 401
    assert await Browser(place).log_in("ines") == 422
    assert await Browser(place).log_in("ines", NEW) == 303


async def test_session_ends_when_it_was_not_used_for_long(place: Place, watch: Watch) -> None:
    await place.person("ines")
    browser = Browser(place)
    await browser.log_in("ines")
    for days, status in ((40, 200), (40, 200), (61, 303)):
        watch.advance(timedelta(days=days))
        assert await browser.ask("GET", "/settings") == status, days


async def test_sessions_and_apps_are_ended_one_by_one(place: Place) -> None:
    ines, bep = await place.person("ines"), await place.person("bep")
    site, there = Browser(place), Browser(place)
    await site.log_in("ines")
    await there.log_in("ines")
    assert (await ines.ask("GET", "/api/v1/preferences"))[0] == 200
    await site.ask("GET", "/settings")
    token = site.values("/settings/apps")["csrf"]
    other = next(
        one.id
        for one in await place.database.read(sessions.of_account, ines.actor.id)
        if f'value="{one.id}"' in site.text
    )
    thief = Browser(place)
    await thief.log_in("bep")
    await thief.ask("GET", "/settings")
    own = thief.values("/settings")["csrf"]
    for path, name, value in (
        ("/settings/sessions", "session", str(other)),
        ("/settings/apps", "app", number_of_app(site.text)),
    ):
        stolen = {"csrf": own, name: value}
        await thief.ask("POST", path, stolen)
    assert (await ines.ask("GET", "/api/v1/preferences"))[0] == 200
    assert await there.ask("GET", "/settings") == 200
    form = {"csrf": token, "app": number_of_app(site.text)}
    assert await site.ask("POST", "/settings/apps", form) == 303
    assert (await ines.ask("GET", "/api/v1/preferences"))[0] == 401
    assert (await bep.ask("GET", "/api/v1/preferences"))[0] == 200
    assert await site.ask("POST", "/settings/sessions", {"csrf": token, "session": "others"}) == 303
    assert await there.ask("GET", "/settings") == 303
    assert await site.ask("GET", "/settings") == 200


def number_of_app(page: str) -> str:
    found = re.search(r'name="app" value="(\d+)"', page)
    assert found
    return found[1]


async def test_link_sets_a_password_once_within_its_hour(place: Place, watch: Watch) -> None:
    ines = await place.person("ines")
    browser = Browser(place)
    for late in (True, False):
        await place.database.write(
            sessions.offer_reset, "secret", ines.actor.id, timedelta(hours=1)
        )
        watch.advance(timedelta(hours=1) if late else timedelta(minutes=59))
        status = await browser.ask("GET", "/reset/new?token=secret")
        assert status == (410 if late else 200)
        assert ("its hour is over" in browser.text) is late
    form = browser.values("/reset/new")
    assert await browser.ask("POST", "/reset/new", form | {"password": "short"}) == 422
    assert await browser.ask("POST", "/reset/new", form | {"password": NEW}) == 303
    assert await browser.ask("POST", "/reset/new", form | {"password": NEW}) == 410
    assert (await ines.ask("GET", "/api/v1/preferences"))[0] == 401
    assert await browser.log_in("ines", NEW) == 303


async def test_api_does_not_know_cookies(place: Place) -> None:
    await place.person("ines")
    browser = Browser(place)
    await browser.log_in("ines")
    assert await browser.ask("GET", "/api/v1/accounts/verify_credentials") == 401
    assert await browser.ask("POST", "/api/v1/statuses", {"status": "Forged."}) == 401
