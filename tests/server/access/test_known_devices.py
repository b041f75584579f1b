"""Who guesses keeps nobody out: browsers that are known are counted apart (SECURITY 72, 89)."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from server.access import passwords
from server.http.rate_limits import LIMITERS
from storage.access import known_devices, sessions
from storage.access.known_devices import MOST
from storage.engine.transaction import Reader
from tests.server.access.test_oauth import Browser
from tests.server.access.test_two_factor import code, secret_of, set_up
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import PASSWORD, Place, serving

LIMITED = {"rate_limits": "on", "trusted_proxies": "127.0.0.1/32"}
GUESSES = LIMITERS["login"].count
WRONG = "wrong"
NEW = "another sentence to remember"


@dataclass
class Device(Browser):
    """A browser somewhere; what it was told to keep, as it was told."""

    address: str = "127.0.0.1"
    told: list[str] = field(default_factory=list)

    async def ask(self, method: str, path: str, data: Any = None) -> int:
        async with self.place.client.request(
            method,
            path,
            data=data,
            cookies=self.cookies,
            allow_redirects=False,
            headers={"Accept": "text/html", "X-Forwarded-For": self.address},
        ) as answer:
            self.text, self.headers = await answer.text(), dict(answer.headers)
            self.told += answer.headers.getall("Set-Cookie", [])
            for name, morsel in answer.cookies.items():
                self.cookies[name] = morsel.value
            return answer.status


@pytest.fixture
async def place(tmp_path: Path, watch: Watch) -> AsyncIterator[Place]:
    async with serving(tmp_path, "home.example", Internet(), watch, **LIMITED) as made:
        await made.person("ines")
        yield made


async def guess(browser: Device, login: str = "ines", typed: str = WRONG) -> int:
    await browser.ask("GET", "/login")
    form = browser.values("/login") | {"login": login, "password": typed}
    return await browser.ask("POST", "/login", form)


async def crowd(place: Place, login: str = "ines", times: int = GUESSES) -> None:
    """Strangers guess, each from another address and from the owner's own."""
    for number in range(times):
        browser = Device(place, address=f"198.51.100.{number}" if number % 2 else "127.0.0.1")
        assert await guess(browser, login) in (422, 429)


async def used_before(place: Place) -> Device:
    """A browser in which ines has logged in, and out again."""
    browser = Device(place)
    assert await guess(browser, typed=PASSWORD) == 303
    await browser.ask("GET", "/settings")
    assert await browser.ask("POST", "/logout", browser.values("/logout")) == 303
    return browser


def devices(reader: Reader) -> int:
    return int(reader.value("SELECT count(*) FROM known_devices"))


async def test_strangers_do_not_keep_its_owner_out(place: Place) -> None:
    owner = await used_before(place)
    for login in ("ines", "@INES", "ines@post.example"):
        await crowd(place, login, 2 * GUESSES)
    assert await guess(Device(place, address="203.0.113.9"), typed=PASSWORD) == 429
    for login in ("ines", "ines@post.example"):
        assert await guess(owner, login, PASSWORD) == 303


async def test_known_browser_guesses_so_often_and_no_more(place: Place, watch: Watch) -> None:
    """Whoever has the cookie has these guesses, and no others."""
    thief = await used_before(place)
    statuses = [await guess(thief) for _ in range(GUESSES + 2)]
    assert statuses == [422] * GUESSES + [429] * 2
    assert await guess(thief, "ines@post.example") == 429, "whatever is typed"
    other = Device(place, address="203.0.113.9")
    assert await guess(other, typed=PASSWORD) == 303, "and it keeps nobody else out"
    watch.advance(timedelta(minutes=10))
    assert await guess(thief, typed=PASSWORD) == 303


async def test_device_is_known_to_its_account_and_to_no_other(place: Place) -> None:
    """A member's own browser guesses at others as a stranger does."""
    await place.person("mallory")
    mallory = Device(place)
    assert await guess(mallory, "mallory", PASSWORD) == 303
    await crowd(place)
    assert await guess(mallory, "ines") == 429
    made_up = Device(place)
    made_up.cookies["kith-device"] = "x" * 43
    assert await guess(made_up) == 429


async def test_several_use_one_browser(place: Place) -> None:
    await place.person("bob")
    browser = Device(place)
    for login in ("ines", "bob"):
        assert await guess(browser, login, PASSWORD) == 303
    for login in ("ines", "bob"):
        await crowd(place, login)
        assert await guess(browser, login, PASSWORD) == 303
    assert await place.database.read(devices) == 2


async def test_cookie_opens_nothing_and_is_kept_as_a_hash(place: Place) -> None:
    owner = await used_before(place)
    only = Device(place)
    only.cookies = {"kith-device": owner.cookies["kith-device"]}
    assert await only.ask("GET", "/settings") == 303
    (told,) = {one for one in owner.told if one.startswith("kith-device=")}
    assert {"HttpOnly", "SameSite=Lax", "Path=/"} <= set(told.split("; "))
    found = await place.database.read(lambda r: r.rows("SELECT hash FROM known_devices"))
    assert owner.cookies["kith-device"] not in str(found)


async def test_devices_of_one_account_are_limited(place: Place, watch: Watch) -> None:
    """SECURITY 48: the one that was used longest ago makes room."""
    first = await used_before(place)
    account = place.people["ines"].actor.id
    for number in range(MOST):
        watch.advance(timedelta(minutes=1))
        await place.database.write(known_devices.know, account, f"secret {number}")
    assert await place.database.read(devices) == MOST
    await crowd(place)
    assert await guess(first, typed=PASSWORD) == 429


async def by_settings(place: Place, browser: Device) -> None:
    await browser.ask("GET", "/settings")
    given = {"current_password": PASSWORD, "new_password": NEW}
    form = browser.values("/settings/password") | given
    assert await browser.ask("POST", "/settings/password", form) == 303


async def by_link(place: Place, browser: Device) -> None:
    account = place.people["ines"].actor.id
    await place.database.write(sessions.offer_reset, "secret", account, timedelta(hours=1))
    await browser.ask("GET", "/reset/new?token=secret")
    form = browser.values("/reset/new") | {"password": NEW}
    assert await browser.ask("POST", "/reset/new", form) == 303


async def everywhere(place: Place, browser: Device) -> None:
    await browser.ask("GET", "/settings")
    form = browser.values("/settings/sessions") | {"session": "all"}
    assert await browser.ask("POST", "/settings/sessions", form) == 303


@pytest.mark.parametrize("ending", [by_settings, by_link, everywhere])
async def test_end_of_every_way_in_leaves_one_browser_known(
    place: Place, ending: Callable[[Place, Device], Awaitable[None]]
) -> None:
    """That in which it was done, also while strangers guess; a stolen cookie is worth nothing."""
    stolen, owner = await used_before(place), Device(place)
    assert await guess(owner, typed=PASSWORD) == 303
    await ending(place, owner)
    await crowd(place)
    password = PASSWORD if ending is everywhere else NEW
    assert await guess(stolen, typed=password) == 429
    assert await guess(owner, typed=password) == 303


async def test_strangers_do_not_keep_anybody_from_the_second_step(
    place: Place, watch: Watch
) -> None:
    """Strangers include those who know the password, and who type codes."""
    owner = await used_before(place)
    person, secret, _ = await set_up(place, watch, "dora")
    assert await guess(owner, "dora", PASSWORD) == 303
    await owner.ask("GET", "/login/second")
    form = owner.values("/login/second") | {"code": code(secret, watch)}
    assert await owner.ask("POST", "/login/second", form) == 303
    watch.advance(timedelta(minutes=30))
    assert await secret_of(place, person) == secret
    for number in range(LIMITERS["second"].count + 1):
        thief = Device(place, address=f"198.51.100.{number}")
        if number % 9 == 8:
            watch.advance(timedelta(minutes=10))  # else the password is asked for too often
        assert await guess(thief, "dora", PASSWORD) == 303
        await thief.ask("GET", "/login/second")
        wrong = thief.values("/login/second") | {"code": "000000"}
        last = await thief.ask("POST", "/login/second", wrong)
    assert last == 429
    assert await guess(owner, "dora", PASSWORD) == 303
    await owner.ask("GET", "/login/second")
    form = owner.values("/login/second") | {"code": code(secret, watch)}
    assert await owner.ask("POST", "/login/second", form) == 303


async def test_strangers_behind_the_same_address_do_not_use_up_what_is_a_members(
    place: Place,
) -> None:
    """A session has windows of its own: fresh proof, and a new password."""
    owner = Device(place)
    assert await guess(owner, typed=PASSWORD) == 303
    for _ in range(GUESSES + 1):
        last = await guess(Device(place), "nobody")
    assert last == 429
    await by_settings(place, owner)
    await owner.ask("GET", "/settings/prove")
    form = owner.values("/settings/prove") | {"proof": NEW}
    assert await owner.ask("POST", "/settings/prove", form) == 303


async def test_thousand_guesses_of_one_block_hold_up_nobody(place: Place) -> None:
    """SECURITY 89: two are at work; of one block one, and few wait."""
    done: list[str] = []

    async def tried(source: str) -> None:
        await passwords.fits("wrong", None, source)
        done.append(source)

    many = [asyncio.create_task(tried("198.51.100.0/24")) for _ in range(1000)]
    await asyncio.sleep(0)
    await tried("203.0.113.0/24")
    assert done.count("198.51.100.0/24") <= 3
    results = await asyncio.gather(*many, return_exceptions=True)
    assert sum(one is None for one in results) == 1 + passwords.WAITING // 4
    assert passwords.places.in_use == passwords.places.in_queue == 0


async def test_queue_that_is_full_says_so(place: Place) -> None:
    browser = Device(place)
    await browser.ask("GET", "/login")
    form = browser.values("/login") | {"login": "ines", "password": PASSWORD}
    with passwords.places.hold("127.0.0.0/24"):
        passwords.places.waiting, before = 0, passwords.places.waiting
        try:
            assert await browser.ask("POST", "/login", form) == 503
        finally:
            passwords.places.waiting = before
    assert await browser.ask("POST", "/login", form) == 303


async def test_planted_device_is_not_taken_over(place: Place) -> None:
    """Mallory logs in on a shared browser and notes its cookie; then ines logs in there."""
    await place.person("mallory")
    shared = Device(place)
    assert await guess(shared, "mallory", PASSWORD) == 303
    noted = shared.cookies["kith-device"]
    await shared.ask("GET", "/settings")
    await shared.ask("POST", "/logout", shared.values("/logout"))
    assert await guess(shared, "ines", PASSWORD) == 303
    thief = Device(place, address="203.0.113.9")
    await crowd(place)
    thief.cookies["kith-device"] = noted
    assert await guess(thief, "ines") == 429
    assert await guess(shared, "ines", PASSWORD) == 303
