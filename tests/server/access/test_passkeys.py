"""Passkeys over real HTTP, with an authenticator in software (SECURITY 69, 71)."""

import json
import re
from datetime import timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from server.pages.access.second_factor import CLOSED, WAITING
from storage.access import accounts, second_factor
from storage.people import actors
from tests.server.access.test_oauth import Browser
from tests.server.access.test_two_factor import code, give, password_given, set_up
from tests.support.authenticator import PRESENT, VERIFIED, Authenticator, decoded, encoded
from tests.support.clock import Watch
from tests.support.servers import Place

ORIGIN = "http://home.example"
ENTER, ADD, PROVE = "/login/passkey", "/settings/safety/passkey", "/settings/prove"


class Options(HTMLParser):
    """What the page asks the browser for."""

    found: dict[str, Any] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        if tag == "form" and given.get("data-options"):
            self.found = json.loads(given["data-options"] or "")


def options(browser: Browser) -> dict[str, Any]:
    parser = Options()
    parser.feed(browser.text)
    assert parser.found is not None, browser.text
    return parser.found


def form_of(browser: Browser, path: str) -> dict[str, str]:
    """The form with the script; a page may have another one to the same address."""
    (csrf,) = set(re.findall(r'name="csrf" value="([^"]*)"', browser.text))
    (then,) = set(re.findall(r'name="next" value="([^"]*)"', browser.text)) or {""}
    return {"csrf": csrf, "next": then}


async def add(browser: Browser, device: Authenticator, name: str = "Phone") -> int:
    assert await browser.ask("GET", ADD) == 200
    said = device.make(options(browser))
    return await browser.ask(
        "POST", ADD, form_of(browser, ADD) | {"credential": said, "name": name}
    )


async def with_passkey(place: Place, name: str = "ines") -> tuple[Browser, Authenticator]:
    await place.person(name)
    browser, device = Browser(place), Authenticator(ORIGIN)
    assert await browser.log_in(name) == 303
    assert await add(browser, device) == 303
    assert browser.headers["Location"] == "/settings/safety?done=added"
    return browser, device


async def enter(browser: Browser, device: Authenticator, then: str = "") -> int:
    assert await browser.ask("GET", f"{ENTER}?next={then}") == 200
    said = device.use(options(browser))
    return await browser.ask("POST", ENTER, form_of(browser, ENTER) | {"credential": said})


async def test_passkey_is_a_whole_log_in(place: Place) -> None:
    owner, device = await with_passkey(place)
    await owner.ask("GET", "/settings/safety?done=added")
    assert "Phone" in owner.text
    browser = Browser(place)
    assert await enter(browser, device, "/@ines") == 303
    assert browser.headers["Location"] == "/@ines"
    assert await browser.ask("GET", "/settings") == 200
    old = browser.cookies["kith"]
    assert await enter(browser, device, "https://evil.example") == 303
    assert browser.headers["Location"] == "/"
    assert browser.cookies["kith"] != old
    assert await Browser(place, {"kith": old}).ask("GET", "/settings") == 303


async def test_ceremony_asks_the_browser_for_the_right_things(place: Place) -> None:
    """Verification of the user, a key that is found without a name, and nobody's keys named."""
    owner, device = await with_passkey(place)
    assert await owner.ask("GET", ADD) == 200
    made = options(owner)
    assert made["rp"]["id"] == "home.example"
    assert made["attestation"] == "none"
    wanted = made["authenticatorSelection"]
    assert (wanted["residentKey"], wanted["userVerification"]) == ("required", "required")
    assert [one["id"] for one in made["excludeCredentials"]] == [encoded(device.credential_id)]
    browser = Browser(place)
    assert await browser.ask("GET", ENTER) == 200
    asked = options(browser)
    assert (asked["rpId"], asked["userVerification"]) == ("home.example", "required")
    assert asked["allowCredentials"] == []
    assert len(decoded(asked["challenge"])) == 32
    policy = browser.headers["Content-Security-Policy"]
    assert policy.endswith("; script-src 'self'") and "unsafe" not in policy
    assert await browser.ask("GET", "/login") == 200
    assert "script-src" not in browser.headers["Content-Security-Policy"]


async def test_passkey_takes_the_place_of_both_steps(place: Place, watch: Watch) -> None:
    person, secret, _ = await set_up(place, watch)
    owner, device = await password_given(place), Authenticator(ORIGIN)
    assert await owner.ask("GET", ADD) == 303  # half a log-in is none
    await owner.ask("GET", "/login/second")
    assert await give(owner, code(secret, watch)) == 303
    assert await add(owner, device) == 303
    browser = Browser(place)
    assert await enter(browser, device, "/settings") == 303
    assert browser.headers["Location"] == "/settings"
    assert await browser.ask("GET", "/settings") == 200
    kept = await place.database.read(second_factor.passkeys_of, person.actor.id)
    assert [one.sign_count for one in kept] == [1]


BENT: dict[str, dict[str, Any]] = {
    "another origin": {"origin": "http://evil.example"},
    "nobody verified": {"flags": PRESENT},
    "nobody present": {"flags": VERIFIED},
    "another key": {"credential_id": b"\x08" * 32},
    "a copy that lags behind": {"count": 0},
    "somebody else's name": {"user": b"1"},
}


@pytest.mark.parametrize("how", BENT)
async def test_answer_that_is_bent_opens_nothing(place: Place, how: str) -> None:
    _, device = await with_passkey(place)
    assert await enter(Browser(place), device) == 303
    for name, value in BENT[how].items():
        setattr(device, name, value)
    browser = Browser(place)
    assert await enter(browser, device) == 422
    assert "kith" not in browser.cookies
    assert "That did not work." in browser.text


@pytest.mark.parametrize("how", ["another origin", "nobody verified", "nobody present"])
async def test_bent_passkey_is_not_kept(place: Place, how: str) -> None:
    person, browser = await place.person("ines"), Browser(place)
    await browser.log_in("ines")
    device = Authenticator(ORIGIN)
    for name, value in BENT[how].items():
        setattr(device, name, value)
    assert await add(browser, device) == 422
    assert await place.database.read(second_factor.passkeys_of, person.actor.id) == []


async def test_answer_counts_once_and_in_its_browser_only(place: Place, watch: Watch) -> None:
    _, device = await with_passkey(place)
    browser, other = Browser(place), Browser(place)
    await browser.ask("GET", ENTER)
    said = {"credential": device.use(options(browser))}
    form = form_of(browser, ENTER) | said
    await other.ask("GET", ENTER)
    assert await other.ask("POST", ENTER, form_of(other, ENTER) | said) == 422
    cookies = dict(browser.cookies)
    late = Browser(place, dict(cookies))
    assert await browser.ask("POST", ENTER, form) == 303
    device.count += 1
    again = Browser(place, cookies)
    assert await again.ask("POST", ENTER, form) == 422
    assert "kith" not in again.cookies | late.cookies
    await late.ask("GET", ENTER)
    slow = form_of(late, ENTER) | {"credential": device.use(options(late))}
    watch.advance(timedelta(minutes=10))
    assert await late.ask("POST", ENTER, slow) == 422


async def test_wrong_answer_uses_the_challenge_up(place: Place) -> None:
    _, device = await with_passkey(place)
    browser = Browser(place)
    await browser.ask("GET", ENTER)
    asked, form, cookies = options(browser), form_of(browser, ENTER), dict(browser.cookies)
    assert await browser.ask("POST", ENTER, form | {"credential": "{}"}) == 422
    browser.cookies = cookies
    right = form | {"credential": device.use(asked)}
    assert await browser.ask("POST", ENTER, right) == 422


@pytest.mark.parametrize("state", ["pending", "disabled", "suspended"])
async def test_refused_account_does_not_come_in_by_passkey_either(place: Place, state: Any) -> None:
    owner, device = await with_passkey(place)
    me = place.people["ines"].actor.id
    if state == "suspended":
        await place.database.write(actors.set_moderation_state, me, "suspended")
    else:
        await place.database.write(accounts.set_state, me, state)
    browser = Browser(place)
    assert await enter(browser, device) == 422
    assert (WAITING if state == "pending" else CLOSED) in browser.text
    assert "kith" not in browser.cookies
    assert await owner.ask("GET", "/settings") == 303


HOSTILE = (
    "",
    "{}",
    "[]",
    "null",
    "7",
    "{",
    '{"id": 7}',
    '{"id": "AA", "rawId": "AA", "type": "public-key", "response": {}}',
    '{"id":"AA","rawId":"AA","type":"public-key","response":{"clientDataJSON":"AA","attestationObject"'
    ':"gA","authenticatorData":"AA","signature":"AA"}}',
    '{"id":"é","rawId":"\\u0000","type":"public-key","response":{"clientDataJSON":"!","attestationOb'
    'ject":"!","authenticatorData":"!","signature":"!"}}',
    '{"id":' + "[" * 8000,
)


@pytest.mark.parametrize("path", [ENTER, ADD, PROVE])
async def test_passkey_answers_of_any_kind_make_no_500(place: Place, path: str) -> None:
    owner, device = await with_passkey(place)
    for said in HOSTILE:
        await owner.ask("GET", path)
        form = form_of(owner, path) | {"credential": said}
        assert await owner.ask("POST", path, form) == 422, said
    if path != PROVE:
        return
    for cut in range(0, 900, 37):  # a good answer, with one byte of its inside changed
        await owner.ask("GET", PROVE)
        said = json.loads(device.use(options(owner)))
        for name, text in said["response"].items():
            data = bytearray(decoded(text))
            data[cut % len(data)] ^= 0xFF
            said["response"][name] = encoded(bytes(data))
        form = form_of(owner, PROVE) | {"credential": json.dumps(said)}
        assert await owner.ask("POST", PROVE, form) == 422, cut


async def test_attestations_that_are_damaged_are_refused(place: Place) -> None:
    person, browser = await place.person("ines"), Browser(place)
    await browser.log_in("ines")
    for cut in range(0, 190, 3):
        await browser.ask("GET", ADD)
        said = json.loads(Authenticator(ORIGIN).make(options(browser)))
        data = decoded(said["response"]["attestationObject"])
        assert len(data) > cut
        said["response"]["attestationObject"] = encoded(data[:cut])
        form = form_of(browser, ADD) | {"credential": json.dumps(said)}
        assert await browser.ask("POST", ADD, form) == 422, cut
    assert await place.database.read(second_factor.passkeys_of, person.actor.id) == []


async def test_passkey_of_somebody_is_nobody_elses(place: Place) -> None:
    """SECURITY 73: it is neither added a second time nor taken away by another."""
    owner, device = await with_passkey(place)
    thief = Browser(place)
    bep = await place.person("bep")
    await thief.log_in("bep")
    assert await add(thief, device) == 422
    await owner.ask("GET", "/settings/safety")
    number = re.findall(r'name="passkey" value="(\d+)"', owner.text)[0]
    await thief.ask("GET", "/settings/safety")
    stolen = {"csrf": thief.values("/settings")["csrf"], "passkey": number}
    await thief.ask("POST", "/settings/safety/passkeys", stolen)
    assert await place.database.read(second_factor.passkeys_of, bep.actor.id) == []
    device.user = str(place.people["ines"].actor.id).encode()
    assert await enter(Browser(place), device) == 303
    form = {"csrf": owner.values("/settings")["csrf"], "passkey": number}
    assert await owner.ask("POST", "/settings/safety/passkeys", form) == 303
    assert await enter(Browser(place), device) == 422


async def test_passkeys_have_room_for_ten(place: Place) -> None:
    browser, _ = await with_passkey(place)
    for number in range(20, 29):
        device = Authenticator(ORIGIN, credential_id=bytes([number]) * 16)
        assert await add(browser, device) == 303
    assert await browser.ask("GET", ADD) == 422
    assert "Take one away first" in browser.text
    device = Authenticator(ORIGIN, credential_id=b"x" * 16)
    said = device.make(options(browser))
    assert await browser.ask("POST", ADD, form_of(browser, ADD) | {"credential": said}) == 422


async def test_passkey_proves_who_one_is(place: Place, watch: Watch) -> None:
    owner, device = await with_passkey(place)
    watch.advance(timedelta(minutes=15))
    assert await owner.ask("GET", ADD) == 303
    assert await owner.ask("GET", f"{PROVE}?next={ADD}") == 200
    assert [one["id"] for one in options(owner)["allowCredentials"]] == [
        encoded(device.credential_id)
    ]
    stranger = Authenticator(ORIGIN, credential_id=b"y" * 16)
    await place.person("bep")
    other = Browser(place)
    await other.log_in("bep")
    assert await add(other, stranger) == 303
    said = stranger.use(options(owner))
    form = form_of(owner, PROVE)
    assert await owner.ask("POST", PROVE, form | {"credential": said}) == 422
    form = form_of(owner, PROVE) | {"credential": device.use(options(owner))}
    assert await owner.ask("POST", PROVE, form) == 303
    assert owner.headers["Location"] == ADD
    assert await owner.ask("GET", ADD) == 200


async def test_pages_say_so_without_javascript(place: Place) -> None:
    await place.person("ines")
    browser = Browser(place)
    await browser.ask("GET", ENTER)
    assert re.search(r"<noscript>.*Your password works without it", browser.text)
    assert await browser.log_in("ines") == 303
    await browser.ask("GET", ADD)
    assert re.search(r"<noscript>.*Your password works without it", browser.text)
    form = form_of(browser, ADD) | {"credential": ""}  # as a form is sent without a script
    assert await browser.ask("POST", ADD, form) == 422
    assert "Nothing was changed" in browser.text
