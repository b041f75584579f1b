"""Sessions: where one is logged in, who is told of it, and what ends it (SECURITY 68, 69)."""

import asyncio
import re
from collections.abc import Awaitable, Callable
from datetime import timedelta
from email import message_from_bytes
from email.policy import default
from pathlib import Path
from typing import cast

import pytest

from federation.transport.sources import block_of
from server.cli import commands
from storage.access import accounts, sessions
from storage.engine.transaction import Writer
from storage.people import actors
from storage.people.actors import ActorState
from tests.server.access.test_oauth import Browser
from tests.server.access.test_passwords import SOON, MailServer, writing
from tests.server.access.test_two_factor import code, give, password_given, set_up
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import PASSWORD, Person, Place, serving

FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
NEWER = FIREFOX.replace("140", "141")
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605 Version/19 Safari/604"
)
BEHIND = {"trusted_proxies": "127.0.0.1/32"}


async def log_in(place: Place, agent: str, address: str, name: str = "ines") -> None:
    browser = Browser(place)
    await browser.ask("GET", "/login")
    form = browser.values("/login") | {"login": name, "password": PASSWORD}
    headers = {"User-Agent": agent, "X-Forwarded-For": address}
    async with place.client.post(
        "/login", data=form, cookies=browser.cookies, headers=headers, allow_redirects=False
    ) as answer:
        assert answer.status == 303


async def message(mail_server: MailServer) -> tuple[str, str]:
    _, data = await asyncio.wait_for(mail_server.emails.get(), SOON)
    read = message_from_bytes(data, policy=default)
    return str(read["Subject"]), str(read.get_content())


def speaking(writer: Writer, account: int, locale: str) -> None:
    writer.execute("UPDATE accounts SET locale = ? WHERE actor = ?", locale, account)


def test_network_is_a_24_or_a_64() -> None:
    assert block_of("192.0.2.77") == "192.0.2.0/24"
    assert block_of("::ffff:192.0.2.77") == "192.0.2.0/24"
    assert block_of("2001:db8:1:2:3:4:5:6") == "2001:db8:1:2::/64"
    assert block_of("") == block_of("unknown") == ""


@pytest.mark.parametrize(
    ("locale", "subject", "said"),
    [
        ("en", "A new log-in at", "Safari on iPhone, network 203.0.113.0/24"),
        ("de", "Eine neue Anmeldung bei", "Safari auf iPhone, Netz 203.0.113.0/24"),
    ],
)
async def test_log_in_from_somewhere_new_is_told_by_email(
    tmp_path: Path, watch: Watch, locale: str, subject: str, said: str
) -> None:
    async with writing(tmp_path, watch, **BEHIND) as (place, mail_server):
        mail_server.open.set()
        ines = await place.person("ines")
        await place.database.write(speaking, ines.actor.id, locale)
        known = [(FIREFOX, "192.0.2.7"), (NEWER, "192.0.2.200"), (FIREFOX, "192.0.2.7")]
        for agent, address in known:
            await log_in(place, agent, address)
        await log_in(place, SAFARI, "203.0.113.9")
        title, text = await message(mail_server)
        assert title.startswith(subject)
        assert said in text
        assert "http://home.example/settings#password" in text
        assert "203.0.113.9" not in text
        await log_in(place, SAFARI, "203.0.113.77")
        await log_in(place, FIREFOX, "203.0.113.77")
        _, text = await message(mail_server)
        assert "Firefox" in text
        assert mail_server.emails.empty()


async def test_browser_name_writes_no_email(tmp_path: Path, watch: Watch) -> None:
    async with writing(tmp_path, watch, **BEHIND) as (place, mail_server):
        mail_server.open.set()
        await place.person("ines")
        await log_in(place, FIREFOX, "192.0.2.7")
        await log_in(place, "Call 0900-EVIL at https://evil.example Firefox/1", "192.0.2.7")
        _, text = await message(mail_server)
        assert "evil" not in text.lower()


async def test_list_says_browser_and_network_and_no_address(tmp_path: Path, watch: Watch) -> None:
    async with serving(tmp_path, "home.example", Internet(), watch, **BEHIND) as place:
        await place.person("ines")
        await log_in(place, SAFARI, "203.0.113.9")
        browser = Browser(place)
        await browser.log_in("ines")
        await browser.ask("GET", "/settings")
        assert "Safari on iPhone" in browser.text
        assert "From the network 203.0.113.0/24." in browser.text
        assert "203.0.113.9" not in browser.text


# ---- what ends it ----


async def new_password(place: Place, person: Person, browser: Browser) -> None:
    new = {"current_password": PASSWORD, "new_password": "another sentence to remember"}
    form = browser.values("/settings/password") | new
    assert await browser.ask("POST", "/settings/password", form) == 303


async def by_link(place: Place, person: Person, browser: Browser) -> None:
    await place.database.write(sessions.offer_reset, "secret", person.actor.id, timedelta(hours=1))
    await browser.ask("GET", "/reset/new?token=secret")
    form = browser.values("/reset/new") | {"password": "another sentence to remember"}
    assert await browser.ask("POST", "/reset/new", form) == 303


async def everywhere(place: Place, person: Person, browser: Browser) -> None:
    form = browser.values("/settings/sessions") | {"session": "all"}
    assert await browser.ask("POST", "/settings/sessions", form) == 303
    assert browser.headers["Location"] == "/login"
    assert await browser.ask("GET", "/settings") == 303


async def app_taken_back(place: Place, person: Person, browser: Browser) -> None:
    found = re.search(r'name="app" value="(\d+)"', browser.text)
    assert found
    form = browser.values("/settings/apps") | {"app": found[1]}
    assert await browser.ask("POST", "/settings/apps", form) == 303


async def command_password(place: Place, person: Person, browser: Browser) -> None:
    await commands.run(place.app, "account password", {"name": "ines", "password": "x" * 12})


async def command_disable(place: Place, person: Person, browser: Browser) -> None:
    await commands.run(place.app, "account disable", {"name": "ines"})


async def suspended(place: Place, person: Person, browser: Browser) -> None:
    await place.database.write(actors.set_moderation_state, person.actor.id, "suspended")


async def disabled(place: Place, person: Person, browser: Browser) -> None:
    await place.database.write(accounts.set_state, person.actor.id, "disabled")


Trigger = Callable[[Place, Person, Browser], Awaitable[None]]
# What ends it → (the status of a token afterwards, whether another browser is logged out).
TRIGGERS: dict[Trigger, tuple[int, bool]] = {
    new_password: (401, True),
    by_link: (401, True),
    everywhere: (401, True),
    app_taken_back: (401, False),
    command_password: (401, True),
    command_disable: (403, True),
    suspended: (403, True),
    disabled: (403, True),
}


@pytest.mark.parametrize("trigger", TRIGGERS, ids=lambda one: one.__name__)
async def test_ended_access_ends_at_once(place: Place, trigger: Trigger) -> None:
    """Remembered access ends, too: tokens are asked again and again until the moment before."""
    person, site, there = await place.person("ines"), Browser(place), Browser(place)
    assert await site.log_in("ines") == 303
    assert await there.log_in("ines") == 303
    await site.ask("GET", "/settings")
    for _ in range(3):
        assert (await person.ask("GET", "/api/v1/preferences"))[0] == 200
    status, ends_sessions = TRIGGERS[trigger]
    await trigger(place, person, site)
    assert (await person.ask("GET", "/api/v1/preferences"))[0] == status
    assert await there.ask("GET", "/settings") == (303 if ends_sessions else 200)


SUSPENDING: dict[str, tuple[str, str]] = {
    "by decision": ("account suspend", "account unsuspend"),
    "by the state": ("suspended", "active"),
    "by disabling": ("account disable", "account enable"),
}


@pytest.mark.parametrize("how", SUSPENDING)
async def test_tokens_rest_while_somebody_is_turned_out(place: Place, how: str) -> None:
    """SECURITY 68: 403 at once, whatever was remembered, and they serve again afterwards."""
    person = await place.person("ines")
    for what, status in zip(SUSPENDING[how], (403, 200), strict=True):
        await person.ask("GET", "/api/v1/preferences")  # remembered
        if " " in what:
            await commands.run(place.app, what, {"name": "ines"})
        else:
            state = cast("ActorState", what)
            await place.database.write(actors.set_moderation_state, person.actor.id, state)
        for path in ("/api/v1/preferences", "/api/v1/timelines/public"):
            assert (await person.ask("GET", path))[0] == status, what


async def test_lost_second_step_is_turned_off_by_command(place: Place, watch: Watch) -> None:
    _, secret, _ = await set_up(place, watch)
    begun, inside = await password_given(place), await password_given(place)
    assert await give(inside, code(secret, watch)) == 303
    said = await commands.run(place.app, "account second-step-off", {"name": "ines"})
    assert said == {"name": "ines", "second_step": "off"}
    watch.advance(timedelta(seconds=30))
    assert await give(begun, code(secret, watch)) == 422
    assert await inside.ask("GET", "/settings") == 303
    assert await Browser(place).log_in("ines") == 303
