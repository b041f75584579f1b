"""Signing up: four ways of taking people in, by page, by client, by command."""

import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from server.cli.commands import run
from server.cli.control_socket import CommandFailed
from storage.access import accounts
from storage.people import actors, follows
from tests.server.access.test_oauth import Browser, register
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import PASSWORD, Place, serving

OWN = "a sentence that is mine"
GOOD = {
    "username": "bep_k",
    "email": "bep@post.example",
    "password": PASSWORD,
    "agreement": "1",
    "reason": "My grandmother grew leeks.",
}


async def sign_up(place: Place, **more: str) -> tuple[int, Browser]:
    browser = Browser(place)
    await browser.ask("GET", "/signup")
    form = browser.values("/signup")
    return await browser.ask("POST", "/signup", {**form, **GOOD, **more}), browser


async def state_of(place: Place, name: str) -> str | None:
    actor = await place.database.read(actors.by_handle, name)
    account = await place.database.read(accounts.by_actor, actor.id) if actor else None
    return account.state if account else None


async def test_open_signup_lets_in_at_once(tmp_path: Path, watch: Watch) -> None:
    async with serving(tmp_path, "home.example", Internet(), watch, registrations="open") as place:
        status, browser = await sign_up(place)
        assert status == 200
        assert await state_of(place, "bep_k") == "active"
        assert await browser.ask("GET", "/settings") == 200


async def test_approved_signup_waits_for_a_steward(place: Place) -> None:
    status, browser = await sign_up(place)
    assert status == 200
    assert await state_of(place, "bep_k") == "pending"
    assert await browser.ask("GET", "/settings") == 303
    assert await browser.log_in("bep_k") == 422
    assert "waiting for a steward" in browser.text
    (waiting,) = await run(place.app, "account list", {"state": "pending"})
    assert waiting["reason"] == GOOD["reason"]
    await run(place.app, "account approve", {"name": "bep_k"})
    assert await browser.log_in("bep_k") == 303
    community = await place.database.read(actors.community)
    bep = await place.database.read(actors.by_handle, "bep_k")
    assert bep is not None
    assert await place.database.read(follows.between, bep.id, community.id)


async def test_invitation_is_good_for_as_often_as_it_says(tmp_path: Path, watch: Watch) -> None:
    async with serving(
        tmp_path, "home.example", Internet(), watch, registrations="invitation"
    ) as place:
        made = await run(place.app, "invite", {"uses": 1, "days": 7})
        assert (await sign_up(place, invite_code="wrong"))[0] == 422
        assert (await sign_up(place, invite_code=made["code"]))[0] == 200
        status, browser = await sign_up(
            place, invite_code=made["code"], username="jun", email="jun@post.example"
        )
        assert status == 422
        assert "used already" in browser.text
        assert await state_of(place, "jun") is None


async def test_closed_signup_lets_nobody_in(tmp_path: Path, watch: Watch) -> None:
    async with serving(
        tmp_path, "home.example", Internet(), watch, registrations="closed"
    ) as place:
        browser = Browser(place)
        await browser.ask("GET", "/login")
        form = {**GOOD, "csrf": browser.values("/login")["csrf"]}
        assert await browser.ask("POST", "/signup", form) == 403
        assert await state_of(place, "bep_k") is None


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"username": "Bep K"}, "small letters, digits and underscores"),
        ({"username": "admin"}, "kept for the server itself"),
        ({"username": "x" * 31}, "at most 30"),
        ({"username": "ines"}, "“ines_” is free"),
        ({"email": "nowhere"}, "looks like"),
        ({"email": "bep\x1b[1m@post.example"}, "looks like"),
        ({"email": "bep\u202e@post.example"}, "looks like"),
        ({"email": "bep@post.example\r\nBcc: all@post.example"}, "looks like"),
        ({"password": "short"}, "at least 10"),
        ({"password": "x" * 257}, "at most 256"),
        ({"agreement": ""}, "yes to the charter"),
        ({"agreement": "0"}, "yes to the charter"),  # another version than the one in force
        ({"reason": " "}, "answer the question"),
    ],
)
async def test_mistake_is_said_and_what_was_typed_is_kept(
    place: Place, wrong: dict[str, str], says: str
) -> None:
    await place.person("ines")
    status, browser = await sign_up(place, **wrong)
    assert status == 422
    assert says in browser.text
    assert browser.text.count(PASSWORD) == 0
    kept = {**GOOD, **wrong}
    assert kept["reason"].strip() in browser.text
    assert re.search("<title>(One thing|Two things)", browser.text)
    name = kept["username"].lower()
    assert name == "ines" or await state_of(place, name) is None


async def test_pending_newcomer_does_not_learn_whose_address_is_known(place: Place) -> None:
    """SECURITY 71: by page and by client, at once and at every attempt to log in."""
    await place.person("ines")
    app = await register(place, "read write")
    _, own = await app.token(grant_type="client_credentials", scope="read write")
    seen = list[tuple[int, str]]()
    for number, email in enumerate(("INES@post.example", "nobody@post.example")):
        name = f"bep_{number}"
        seen += await tried(place, name, email)
        form = {**GOOD, "username": f"jun_{number}", "email": email, "password": OWN}
        headers = {"Authorization": f"Bearer {own['access_token']}"}
        async with place.client.post("/api/v1/accounts", json=form, headers=headers) as answer:
            body = await answer.json()
            seen.append((answer.status, str(sorted(body))))
        bearer = {"Authorization": f"Bearer {body['access_token']}"}
        async with place.client.get("/api/v1/preferences", headers=bearer) as answer:
            seen.append((answer.status, await answer.text()))
    half = len(seen) // 2
    assert seen[:half] == seen[half:]
    with pytest.raises(CommandFailed, match="belongs to a member already"):
        await run(place.app, "account approve", {"name": "bep_0"})
    await run(place.app, "account approve", {"name": "bep_1"})


async def tried(place: Place, name: str, email: str) -> list[tuple[int, str]]:
    """What is answered to a sign-up, and to logging in by either afterwards."""
    status, browser = await sign_up(place, username=name, email=email, password=OWN)
    seen = [(status, texts(browser, name, email))]
    for login in (name, email):
        guest = Browser(place)
        status = await guest.log_in(login, OWN)
        seen.append((status, texts(guest, name, email)))
    return seen


def texts(browser: Browser, name: str, email: str) -> str:
    """The page but for what was typed and for tokens."""
    text = re.sub(r'name="csrf" value="[^"]*"', "", browser.text)
    return text.replace(name, "NAME").replace(email, "EMAIL")


async def test_open_signup_says_that_an_address_is_taken(tmp_path: Path, watch: Watch) -> None:
    """Whoever is not let in notices anyway; what is left is that tries are counted (72)."""
    async with serving(tmp_path, "home.example", Internet(), watch, registrations="open") as place:
        await place.person("ines")
        status, browser = await sign_up(place, email="ines@post.example")
        assert (status, "account with that address" in browser.text) == (422, True)


async def test_client_signs_up_with_its_own_token(place: Place) -> None:
    app = await register(place, "read write follow")
    _, body = await app.token(grant_type="client_credentials", scope="read write follow")
    headers = {"Authorization": f"Bearer {body['access_token']}"}
    params: dict[str, Any] = {**GOOD, "agreement": True, "locale": "en"}
    async with place.client.post("/api/v1/accounts", json=params, headers=headers) as answer:
        made = await answer.json()
        assert answer.status == 200, made
    own = {"Authorization": f"Bearer {made['access_token']}"}
    async with place.client.get("/api/v1/preferences", headers=own) as answer:
        assert answer.status == 403
        assert "pending approval" in (await answer.json())["error"]
    await run(place.app, "account approve", {"name": "bep_k"})
    async with place.client.get("/api/v1/preferences", headers=own) as answer:
        assert answer.status == 200
    wrong = {"username": "bep_k", "email": "", "password": "x", "agreement": False, "locale": "de"}
    async with place.client.post("/api/v1/accounts", json=wrong, headers=headers) as answer:
        refused = await answer.json()
        assert answer.status == 422
    assert refused["details"]["username"][0]["error"] == "ERR_TAKEN"
    assert refused["details"]["agreement"][0]["error"] == "ERR_ACCEPTED"
    assert "gehört schon jemandem" in refused["details"]["username"][0]["description"]


async def test_name_is_had_once_however_it_is_written(place: Place) -> None:
    assert (await sign_up(place))[0] == 200
    status, _ = await sign_up(place, username="BEP_K", email="other@post.example")
    assert status == 422


async def test_signup_is_counted_by_address_and_by_email_whatever_the_token(
    tmp_path: Path, watch: Watch
) -> None:
    """SECURITY 72: an app has as many tokens of its own as it likes."""
    behind = {"rate_limits": "on", "trusted_proxies": "127.0.0.1/32"}
    async with serving(tmp_path, "home.example", Internet(), watch, **behind) as place:
        app, statuses = await register(place, "write"), []
        for number in range(7):
            _, body = await app.token(grant_type="client_credentials", scope="write")
            headers = {"Authorization": f"Bearer {body['access_token']}"}
            params: dict[str, Any] = {"username": "bep_k", "email": f"{number}@post.example"}
            statuses.append(await posted(place, params, headers))
        assert statuses == [422] * 5 + [429] * 2
        statuses = []
        for number in range(7):
            headers["X-Forwarded-For"] = f"192.0.2.{number}"
            watch.advance(timedelta(minutes=5))  # so that the token is not what is counted
            _, body = await app.token(grant_type="client_credentials", scope="write")
            headers["Authorization"] = f"Bearer {body['access_token']}"
            statuses.append(await posted(place, {"email": "Bep@post.example"}, headers))
        assert statuses[:6] == [422] * 5 + [429]


async def posted(place: Place, params: dict[str, Any], headers: dict[str, str]) -> int:
    async with place.client.post("/api/v1/accounts", json=params, headers=headers) as answer:
        return answer.status
