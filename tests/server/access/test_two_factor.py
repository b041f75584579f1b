"""The second step: codes of an app, recovery codes, and fresh proof (SECURITY 71, 72)."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from server.access import encryption, totp
from server.app import FILE
from server.http.app_keys import SETTINGS
from storage.access import accounts, challenges, second_factor
from storage.access.accounts import AccountState
from storage.engine.ids import ActorId
from storage.engine.transaction import Writer
from tests.server.access.test_oauth import Browser, address, register
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import PASSWORD, Person, Place, serving

LIMITED = {"rate_limits": "on", "trusted_proxies": "127.0.0.1/32"}


async def secret_of(place: Place, person: Person) -> bytes:
    """The secret as the app of its owner has it."""
    kept = await place.database.read(second_factor.totp, person.actor.id)
    assert kept is not None
    found = encryption.unseal(
        place.app[SETTINGS].secret or "", "totp", person.actor.id, kept.sealed
    )
    assert found is not None
    return found


def code(secret: bytes, watch: Watch, steps: int = 0) -> str:
    return totp.code_at(secret, int(watch().timestamp()) // totp.STEP + steps)


async def set_up(place: Place, watch: Watch, name: str = "ines") -> tuple[Person, bytes, list[str]]:
    """Turn it on through the pages: whose it is, the secret, the recovery codes."""
    person, browser = await place.person(name), Browser(place)
    assert await browser.log_in(name) == 303
    assert await browser.ask("GET", "/settings/safety") == 200
    form = browser.values("/settings/safety/begin")
    assert await browser.ask("POST", "/settings/safety/begin", form) == 303
    assert await browser.ask("GET", "/settings/safety") == 200
    secret = await secret_of(place, person)
    assert totp.to_base32(secret) in browser.text.replace(" ", "")
    form = browser.values("/settings/safety/confirm") | {"code": code(secret, watch)}
    assert await browser.ask("POST", "/settings/safety/confirm", form) == 200
    codes = re.findall(r"<code>([a-z2-7-]{19})</code>", browser.text)
    assert len(set(codes)) == 10
    watch.advance(timedelta(seconds=90))
    return person, secret, codes


async def password_given(place: Place, name: str = "ines", then: str = "") -> Browser:
    """A browser in which the password was right, and nothing more."""
    browser = Browser(place)
    await browser.ask("GET", f"/login?next={then}")
    form = browser.values("/login") | {"login": name, "password": PASSWORD}
    assert await browser.ask("POST", "/login", form) == 303
    assert browser.headers["Location"] == "/login/second"
    assert {"HttpOnly", "SameSite=Lax"} <= set(browser.headers["Set-Cookie"].split("; "))
    assert "kith" not in browser.cookies
    assert await browser.ask("GET", "/login/second") == 200
    return browser


async def give(browser: Browser, typed: str) -> int:
    form = browser.values("/login/second") | {"code": typed}
    return await browser.ask("POST", "/login/second", form)


@pytest.mark.parametrize(
    ("at", "expected"),
    [(59, "287082"), (1111111109, "081804"), (1234567890, "005924"), (20000000000, "353130")],
)
def test_codes_are_those_of_the_standard(at: int, expected: str) -> None:
    """RFC 6238, appendix B, the last six digits of its eight."""
    assert totp.code_at(b"12345678901234567890", at // 30) == expected


async def test_logging_in_takes_both_steps_and_leads_where_one_wanted(
    place: Place, watch: Watch
) -> None:
    _, secret, _ = await set_up(place, watch)
    browser = await password_given(place, then="/@ines")
    assert await browser.ask("GET", "/settings") == 303
    browser = await password_given(place, then="/@ines")
    assert await give(browser, "000000") == 422
    assert await give(browser, code(secret, watch)) == 303
    assert browser.headers["Location"] == "/@ines"
    assert await browser.ask("GET", "/settings") == 200


async def test_app_is_let_in_by_the_same_two_steps(place: Place, watch: Watch) -> None:
    _, secret, _ = await set_up(place, watch)
    app, browser = await register(place), Browser(place)
    assert await browser.ask("GET", address(app)) == 303
    assert await browser.ask("GET", browser.headers["Location"]) == 200
    form = browser.values("/login") | {"login": "ines", "password": PASSWORD}
    assert await browser.ask("POST", "/login", form) == 303
    assert await browser.ask("GET", "/login/second") == 200
    assert await give(browser, code(secret, watch)) == 303
    there = browser.headers["Location"]
    assert there.startswith("/oauth/authorize?")
    assert await browser.ask("GET", there) == 200
    form = browser.values("/oauth/authorize") | {"answer": "yes"}
    assert await browser.ask("POST", "/oauth/authorize", form) == 302


async def test_code_counts_once_and_no_earlier_one_after_it(place: Place, watch: Watch) -> None:
    _, secret, _ = await set_up(place, watch)
    used = code(secret, watch)
    assert await give(await password_given(place), used) == 303
    assert await give(await password_given(place), used) == 422
    assert await give(await password_given(place), code(secret, watch, -1)) == 422
    watch.advance(timedelta(seconds=30))
    assert await give(await password_given(place), used) == 422
    assert await give(await password_given(place), code(secret, watch)) == 303


async def test_code_is_good_one_step_to_either_side(place: Place, watch: Watch) -> None:
    _, secret, _ = await set_up(place, watch)
    for steps, status in ((-2, 422), (2, 422), (-1, 303), (0, 303), (1, 303)):
        assert await give(await password_given(place), code(secret, watch, steps)) == status, steps


async def test_recovery_code_counts_once_however_it_is_typed(place: Place, watch: Watch) -> None:
    _, _, codes = await set_up(place, watch)
    typed = f" {codes[0].replace('-', ' ').upper()} "
    assert await give(await password_given(place), typed) == 303
    assert await give(await password_given(place), codes[0]) == 422
    assert await give(await password_given(place), codes[1]) == 303


async def test_wrong_codes_send_back_to_the_password(place: Place, watch: Watch) -> None:
    _, secret, _ = await set_up(place, watch)
    browser = await password_given(place)
    for _ in range(5):
        assert await give(browser, "000000") == 422
    form = browser.values("/login/second") | {"code": code(secret, watch)}
    assert await browser.ask("POST", "/login/second", form) == 422
    assert "log in once more" in browser.text
    assert "kith" not in browser.cookies


async def test_begun_setup_ends_after_ten_minutes(place: Place, watch: Watch) -> None:
    _, secret, _ = await set_up(place, watch)
    browser = await password_given(place)
    watch.advance(timedelta(minutes=10))
    assert await give(browser, code(secret, watch)) == 422
    assert "kith" not in browser.cookies


async def test_second_step_is_bound_to_the_browser_of_the_first(place: Place, watch: Watch) -> None:
    _, secret, _ = await set_up(place, watch)
    browser, other = await password_given(place), Browser(place)
    assert await other.ask("GET", "/login/second") == 422
    form = browser.values("/login/second") | {"code": code(secret, watch)}
    stolen = Browser(place, {"kith-visitor": browser.cookies["kith-visitor"]})
    assert await stolen.ask("POST", "/login/second", form) == 422
    assert "kith" not in stolen.cookies
    assert await give(browser, code(secret, watch)) == 303
    assert await browser.ask("GET", "/login/second") == 422  # it is over


async def test_new_password_ends_a_log_in_that_is_under_way(place: Place, watch: Watch) -> None:
    person, secret, _ = await set_up(place, watch)
    begun = await password_given(place)
    site = await password_given(place)
    assert await give(site, code(secret, watch)) == 303
    await site.ask("GET", "/settings")
    new = {"current_password": PASSWORD, "new_password": "another sentence to remember"}
    form = site.values("/settings/password") | new
    assert await site.ask("POST", "/settings/password", form) == 303
    watch.advance(timedelta(seconds=30))
    assert await give(begun, code(secret, watch)) == 422
    assert "kith" not in begun.cookies
    assert person.actor.name == "ines"


async def test_guesses_are_counted_by_the_account_whatever_the_address(
    tmp_path: Path, watch: Watch
) -> None:
    """SECURITY 72: ten in an hour, though every log-in allows five and comes from elsewhere."""
    async with serving(tmp_path, "home.example", Internet(), watch, **LIMITED) as place:
        _, secret, _ = await set_up(place, watch)
        statuses = []
        for number in range(12):
            watch.advance(timedelta(minutes=2))
            browser = await password_given(place)
            form = browser.values("/login/second") | {"code": "000000"}
            async with place.client.post(
                "/login/second",
                data=form,
                cookies=browser.cookies,
                headers={"Accept": "text/html", "X-Forwarded-For": f"192.0.2.{number}"},
            ) as answer:
                statuses.append(answer.status)
        assert statuses == [422] * 10 + [429] * 2
        assert await give(await password_given(place), code(secret, watch)) == 429
        watch.advance(timedelta(hours=1))
        assert await give(await password_given(place), code(secret, watch)) == 303


async def test_guesses_are_counted_by_the_network_whatever_the_account(
    tmp_path: Path, watch: Watch
) -> None:
    async with serving(tmp_path, "home.example", Internet(), watch, **LIMITED) as place:
        names = ["ines", "bep", "marta"]
        for name in names:
            await set_up(place, watch, name)
        statuses = []
        for number in range(12):
            watch.advance(timedelta(minutes=3))
            browser = await password_given(place, names[number % 3])
            async with place.client.post(
                "/login/second",
                data=browser.values("/login/second") | {"code": "000000"},
                cookies=browser.cookies,
                headers={"Accept": "text/html", "X-Forwarded-For": f"2001:db8:1:2::{number}"},
            ) as answer:
                statuses.append(answer.status)
        assert statuses == [422] * 10 + [429] * 2


# ---- proof ----

DANGEROUS = (
    ("/settings/safety", "/settings/safety/codes"),
    ("/settings/safety", "/settings/safety/off"),
    ("/settings/safety", "/settings/safety/begin"),
    ("/settings/safety", "/settings/safety/confirm"),
    ("/settings/safety", "/settings/safety/passkeys"),
    ("/settings/safety/passkey", "/settings/safety/passkey"),
)


async def test_proof_from_while_the_clock_was_ahead_is_none(place: Place, watch: Watch) -> None:
    await place.person("ines")
    browser = Browser(place)
    watch.set(timedelta(hours=5))
    assert await browser.log_in("ines") == 303
    watch.set(timedelta(hours=-5))
    assert await browser.ask("GET", "/settings/safety") == 200
    form = browser.values("/settings/safety/begin")
    assert await browser.ask("POST", "/settings/safety/begin", form) == 303
    assert browser.headers["Location"].startswith("/settings/prove")


async def test_lasting_harm_needs_fresh_proof(place: Place, watch: Watch) -> None:
    person, secret, _ = await set_up(place, watch)
    browser = await password_given(place)
    assert await give(browser, code(secret, watch)) == 303
    watch.advance(timedelta(minutes=15))
    await browser.ask("GET", "/settings/safety")
    token = {"csrf": browser.values("/settings/safety")["csrf"]}
    for back, path in DANGEROUS:
        assert await browser.ask("POST", path, token) == 303
        assert browser.headers["Location"] == f"/settings/prove?next={back}", path
    assert await browser.ask("GET", "/settings/safety/passkey") == 303
    kept = await place.database.read(second_factor.totp, person.actor.id)
    assert kept is not None and kept.confirmed_at is not None
    assert await browser.ask("GET", "/settings/prove?next=%2Fsettings%2Fsafety") == 200
    form = browser.values("/settings/prove")
    for wrong in ("wrong", "000000", ""):
        assert await browser.ask("POST", "/settings/prove", form | {"proof": wrong}) == 422
        assert await browser.ask("POST", "/settings/safety/off", token) == 303
        assert "prove" in browser.headers["Location"]
    assert await browser.ask("POST", "/settings/prove", form | {"proof": PASSWORD}) == 303
    assert browser.headers["Location"] == "/settings/safety"
    assert await browser.ask("POST", "/settings/safety/off", token) == 303
    assert await place.database.read(second_factor.totp, person.actor.id) is None
    assert await Browser(place).log_in("ines") == 303


@pytest.mark.parametrize("which", ["code", "recovery"])
async def test_factor_is_as_good_a_proof_as_the_password(
    place: Place, watch: Watch, which: str
) -> None:
    _, secret, codes = await set_up(place, watch)
    browser = await password_given(place)
    assert await give(browser, code(secret, watch)) == 303
    watch.advance(timedelta(hours=1))
    await browser.ask("GET", "/settings/prove?next=https://evil.example/")
    proof = code(secret, watch) if which == "code" else codes[4]
    form = browser.values("/settings/prove") | {"proof": proof}
    assert await browser.ask("POST", "/settings/prove", form) == 303
    assert browser.headers["Location"] == "/"
    assert await browser.ask("POST", "/settings/prove", form) == 422  # it counted once
    await browser.ask("GET", "/settings/safety")
    form = browser.values("/settings/safety/codes")
    assert await browser.ask("POST", "/settings/safety/codes", form) == 200
    assert await give(await password_given(place), codes[5]) == 422  # new codes end the old ones


async def test_guesses_at_the_proof_are_counted(tmp_path: Path, watch: Watch) -> None:
    async with serving(tmp_path, "home.example", Internet(), watch, **LIMITED) as place:
        await place.person("ines")
        browser = Browser(place)
        await browser.log_in("ines")
        await browser.ask("GET", "/settings/prove")
        form, statuses = browser.values("/settings/prove"), []
        for number in range(12):
            async with place.client.post(
                "/settings/prove",
                data=form | {"proof": "wrong"},
                cookies=browser.cookies,
                headers={"Accept": "text/html", "X-Forwarded-For": f"192.0.2.{number}"},
            ) as answer:
                statuses.append(answer.status)
        assert statuses == [422] * 10 + [429] * 2


async def test_secret_is_shown_to_nobody_without_proof_nor_once_it_is_in_force(
    place: Place, watch: Watch
) -> None:
    person, browser = await place.person("ines"), Browser(place)
    await browser.log_in("ines")
    await browser.ask("GET", "/settings/safety")
    token = {"csrf": browser.values("/settings/safety")["csrf"]}
    await browser.ask("POST", "/settings/safety/begin", token)
    await browser.ask("GET", "/settings/safety")
    first = await secret_of(place, person)
    assert totp.to_base32(first) in browser.text.replace(" ", "")
    watch.advance(timedelta(minutes=15))
    await browser.ask("GET", "/settings/safety")
    assert totp.to_base32(first) not in browser.text.replace(" ", "")
    await browser.ask("GET", "/settings/prove")
    form = browser.values("/settings/prove") | {"proof": PASSWORD}
    await browser.ask("POST", "/settings/prove", form)
    wrong = {**token, "code": "000000"}
    assert await browser.ask("POST", "/settings/safety/confirm", wrong) == 422
    right = {**token, "code": code(first, watch)}
    assert await browser.ask("POST", "/settings/safety/confirm", right) == 200
    assert await browser.ask("POST", "/settings/safety/begin", token) == 303
    assert await secret_of(place, person) == first  # in force, it is not replaced unseen
    await browser.ask("GET", "/settings/safety")
    assert totp.to_base32(first) not in browser.text.replace(" ", "")


async def test_secrets_of_two_factor_do_not_lie_readable_in_the_file(
    place: Place, watch: Watch
) -> None:
    """SECURITY 66: hashes and what is sealed; a sealed secret opens for its owner alone."""
    person, secret, codes = await set_up(place, watch)
    begun = await password_given(place)
    held = b"".join(path.read_bytes() for path in place.app_folder.glob(f"{FILE}*"))
    plain = [*codes, *(one.replace("-", "") for one in codes), begun.cookies["kith-second"]]
    for one in [secret, totp.to_base32(secret).encode(), *(text.encode() for text in plain)]:
        assert one not in held
    kept = await place.database.read(second_factor.totp, person.actor.id)
    assert kept is not None
    instance = place.app[SETTINGS].secret or ""
    assert encryption.unseal(instance, "totp", person.actor.id, kept.sealed) == secret
    assert encryption.unseal(instance, "totp", ActorId(person.actor.id + 1), kept.sealed) is None
    assert encryption.unseal(instance, "other", person.actor.id, kept.sealed) is None
    assert encryption.unseal("another secret", "totp", person.actor.id, kept.sealed) is None
    changed = kept.sealed[:-1] + bytes([kept.sealed[-1] ^ 1])
    assert encryption.unseal(instance, "totp", person.actor.id, changed) is None
    assert encryption.unseal(instance, "totp", person.actor.id, b"") is None


async def test_begun_setups_are_bounded(place: Place) -> None:
    """SECURITY 48."""

    def begin(writer: Writer) -> int:
        for number in range(200):
            challenges.begin(writer, str(number), "passkey", timedelta(minutes=10))
        count: int = writer.value("SELECT count(*) FROM challenges")
        return count

    most, challenges.MOST = challenges.MOST, 50
    try:
        assert await place.database.write(begin) == 50
    finally:
        challenges.MOST = most


async def test_waiting_second_step_loses_its_place_to_nobody(
    place: Place, watch: Watch, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SECURITY 48: neither to passkeys begun by anybody, nor to others' log-ins."""
    monkeypatch.setattr(challenges, "MOST", 3 * challenges.MOST_OF_ACCOUNT)
    _, secret, _ = await set_up(place, watch)
    other, _, _ = await set_up(place, watch, "mallory")
    waiting = await password_given(place)

    def crowd(writer: Writer) -> None:
        for number in range(2 * challenges.MOST):
            challenges.begin(writer, f"p{number}", "passkey", timedelta(minutes=20))
            challenges.begin(writer, f"s{number}", "second", timedelta(minutes=20), other.actor.id)

    await place.database.write(crowd)
    form = waiting.values("/login/second") | {"code": code(secret, watch)}
    assert await waiting.ask("POST", "/login/second", form) == 303
    assert "kith" in waiting.cookies


@pytest.mark.parametrize("state", ["disabled", "pending"])
async def test_refused_account_does_not_come_in_by_the_second_step(
    place: Place, watch: Watch, state: AccountState
) -> None:
    person, secret, _ = await set_up(place, watch)
    begun = await password_given(place)
    await place.database.write(accounts.set_state, person.actor.id, state)
    assert await give(begun, code(secret, watch)) == 422
    assert "kith" not in begun.cookies
