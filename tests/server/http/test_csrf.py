"""What other sites can make a browser send or show: forms, cookies, look-alikes (69, 70)."""

import hashlib
import re
from pathlib import Path

import pytest

from server.app import FILE
from server.http.guard import Access
from server.routes import ROUTES
from tests.server.access.test_oauth import Browser, address, register, visitor
from tests.server.test_route_table import BY_NAME
from tests.server.test_route_table import address as path_of
from tests.support.clock import Watch
from tests.support.internet import Internet
from tests.support.servers import Place, serving

FORMS = [route for route in ROUTES if route.csrf]


async def rows(place: Place) -> str:
    """Everything that is kept, but for when something was last used."""

    def dumped(reader: object) -> str:
        lines = reader._connection.iterdump()  # type: ignore[attr-defined]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()

    return await place.database.read(dumped)


async def test_form_from_elsewhere_is_refused(place: Place) -> None:
    """Every form of the table: without a token, with a made one, with that of another browser."""
    browser, stranger = await visitor(place), Browser(place)
    await stranger.ask("GET", "/login")
    other = stranger.values("/login")["csrf"]
    before, cells = await rows(place), 0
    for route in FORMS:
        for forged in ({}, {"csrf": "0" * 64}, {"csrf": other}, {"csrf": ""}):
            for sender in (browser, Browser(place)):
                if route.access is Access.LOGGED_IN or sender is browser:
                    status = await sender.ask("POST", path_of(route), forged)
                    assert status == 403, (route.path, forged)
                    cells += 1
    assert await rows(place) == before
    assert cells >= len(FORMS) * 4
    print(f"{len(FORMS)} forms, {cells} forgeries")


def test_forms_of_this_issue_are_among_them() -> None:
    wanted = {"/login", "/login/second", "/login/passkey", "/settings/prove", "/oauth/authorize"}
    assert wanted <= {route.path for route in FORMS}
    assert BY_NAME["POST /login/second"].limits == ("second",)


async def test_cookies_are_for_this_host_over_https_and_hidden_from_scripts(
    tmp_path: Path, watch: Watch
) -> None:
    """Cookies as a browser gets them outside of development."""
    async with serving(tmp_path, "home.example", Internet(), watch, development="false") as place:
        await place.person("ines")
        for path in ("/login", "/login/passkey"):
            async with place.client.get(path) as answer:
                cookies = answer.headers.getall("Set-Cookie")
            assert len(cookies) == (2 if path.endswith("passkey") else 1)
            for one in cookies:
                assert one.startswith("__Host-kith-"), one
                assert {"HttpOnly", "Secure", "Path=/", "SameSite=Lax"} <= set(one.split("; "))
                assert "Domain" not in one
        browser = Browser(place)
        assert await browser.log_in("ines") == 303
        session = browser.headers["Set-Cookie"]
        assert session.startswith("__Host-kith=")
        assert {"HttpOnly", "Secure", "Path=/", "SameSite=Lax"} <= set(session.split("; "))
        assert "Domain" not in session
        assert await browser.ask("GET", "/settings") == 200
        secret = browser.cookies["__Host-kith"]
        assert await Browser(place, {"kith": secret}).ask("GET", "/settings") == 303
        held = b"".join(found.read_bytes() for found in tmp_path.glob(f"{FILE}*"))
        assert secret.encode() not in held


# ---- consent ----


async def test_look_alike_is_known_by_where_it_leads(place: Place) -> None:
    """Two apps of one name: the page names the host that one is led to, as text."""
    browser = await visitor(place)
    evil = "https://evil.example/callback"
    good = await register(place)
    bad = await register(place, redirect_uris=[evil])
    assert await browser.ask("GET", address(good)) == 200
    assert "app.lantern.example" in browser.text and "evil.example" not in browser.text
    assert await browser.ask("GET", address(bad, redirect_uri=evil)) == 200
    assert re.search(r">[^<]*evil\.example", browser.text)
    assert "frame-ancestors 'none'" in browser.headers["Content-Security-Policy"]


async def test_name_of_an_app_is_text(place: Place) -> None:
    browser = await visitor(place)
    app = await register(place, client_name="</strong><script>alert(1)</script>")
    assert await browser.ask("GET", address(app)) == 200
    assert "<script" not in browser.text
    assert "&lt;script&gt;" in browser.text


@pytest.mark.parametrize("wider", ["read write follow", "read write push"])
async def test_earlier_consent_is_asked_again_and_the_wider_scope_is_named(
    place: Place, wider: str
) -> None:
    browser, app = await visitor(place), await register(place)
    assert (await browser.consent(app)).startswith("https://app.lantern.example/callback?code=")
    assert await browser.ask("GET", address(app)) == 200
    before = browser.text
    assert await browser.ask("GET", address(app, scope=wider)) == 200
    token, same = re.compile(r'value="[^"]*"'), browser.text
    assert token.sub("", same) != token.sub("", before)  # what it may do now is said
    assert "code=" not in browser.headers.get("Location", "")
