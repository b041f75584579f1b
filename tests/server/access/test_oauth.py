"""OAuth 2 in full, through the real pages (SECURITY 64-70)."""

import asyncio
import re
from base64 import b64encode, urlsafe_b64encode
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest

from server.access import oauth_grants
from server.app import FILE
from tests.support.browsing import Forms
from tests.support.clock import Watch
from tests.support.servers import PASSWORD, Place

CALLBACK = "https://app.lantern.example/callback"
SCHEME = "lantern://callback"
OOB = oauth_grants.OOB
VERIFIER = "v" * 64
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


@dataclass
class App:
    """A client that registered."""

    place: Place
    client_id: str
    secret: str

    async def token(self, **given: str) -> tuple[int, dict[str, Any]]:
        form = {"client_id": self.client_id, "client_secret": self.secret, **given}
        async with self.place.client.post("/oauth/token", data=form) as answer:
            return answer.status, await answer.json()

    async def exchange(self, code: str, **more: str) -> tuple[int, dict[str, Any]]:
        given = {"grant_type": "authorization_code", "code": code, "redirect_uri": CALLBACK}
        return await self.token(**{**given, **more})


async def register(place: Place, scopes: str = "read write follow push", **more: Any) -> App:
    params = {"client_name": "Lantern", "redirect_uris": [CALLBACK, SCHEME, OOB], "scopes": scopes}
    async with place.client.post("/api/v1/apps", json={**params, **more}) as answer:
        body = await answer.json()
        assert answer.status == 200, body
        return App(place, body["client_id"], body["client_secret"])


@dataclass
class Browser:
    """Somebody's browser: cookies, and the forms of the last page."""

    place: Place
    cookies: dict[str, str] = field(default_factory=dict)
    text: str = ""
    headers: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, data: Any = None) -> int:
        async with self.place.client.request(
            method,
            path,
            data=data,
            cookies=self.cookies,
            allow_redirects=False,
            headers={"Accept": "text/html"},
        ) as answer:
            self.text, self.headers = await answer.text(), dict(answer.headers)
            for name, morsel in answer.cookies.items():
                self.cookies[name] = morsel.value
            return answer.status

    def values(self, action: str) -> dict[str, str]:
        parser = Forms()
        parser.feed(self.text)
        return next(form.values for form in parser.forms if form.action.startswith(action))

    async def log_in(self, name: str, password: str = PASSWORD) -> int:
        await self.ask("GET", "/login")
        form = self.values("/login") | {"login": name, "password": password}
        return await self.ask("POST", "/login", form)

    async def consent(self, app: App, answer: str = "yes", **more: str) -> str:
        """Open the consent page and answer; return where it leads."""
        assert await self.ask("GET", address(app, **more)) == 200, self.text
        form = self.values("/oauth/authorize") | {"answer": answer}
        assert await self.ask("POST", "/oauth/authorize", form) == 302, self.text
        return self.headers["Location"]

    async def code(self, app: App, **more: str) -> str:
        return parse_qs(urlsplit(await self.consent(app, **more)).query)["code"][0]


def address(app: App, **more: str) -> str:
    given = {
        "response_type": "code",
        "client_id": app.client_id,
        "redirect_uri": CALLBACK,
        "scope": "read write",
    }
    return f"/oauth/authorize?{urlencode({**given, **more})}"


async def visitor(place: Place, name: str = "ines") -> Browser:
    await place.person(name)
    browser = Browser(place)
    assert await browser.log_in(name) == 303
    return browser


# ---- registering ----


@pytest.mark.parametrize(
    "uri",
    [
        "javascript:alert(1)",
        "JavaScript:alert(1)",
        "data:text/html,x",
        "vbscript:x",
        "file:///etc/passwd",
        "https://app.example/cb#fragment",
        "https://user@app.example/cb",
        "https:///cb",
        "https://evil.example\\.good.example/cb",
        "https://g\u043e\u043ed.example/cb",
        "https://app.example/cb\r\nSet-Cookie: a=b",
        "[" * 50_000,
        "/relative",
        "",
    ],
)
async def test_address_that_could_do_harm_is_not_registered(place: Place, uri: str) -> None:
    params = {"client_name": "Lantern", "redirect_uris": uri}
    async with place.client.post("/api/v1/apps", json=params) as answer:
        assert answer.status == 422
        assert "error" in await answer.json()


async def test_app_without_a_name_is_not_registered(place: Place) -> None:
    params = {"client_name": "\u202e\x07 \u200f", "redirect_uris": CALLBACK}
    async with place.client.post("/api/v1/apps", json=params) as answer:
        assert answer.status == 422


async def test_several_addresses_come_in_lines_or_as_a_list(place: Place) -> None:
    for given in (f"{CALLBACK}\n{OOB}", [CALLBACK, OOB]):
        params = {"client_name": "Lantern", "redirect_uris": given}
        async with place.client.post("/api/v1/apps", json=params) as answer:
            body = await answer.json()
        assert body["redirect_uris"] == [CALLBACK, OOB]
        assert body["redirect_uri"] == f"{CALLBACK}\n{OOB}"
        assert isinstance(body["id"], str)


# ---- asking ----


@pytest.mark.parametrize(
    "wrong",
    [
        f"{CALLBACK}/",
        f"{CALLBACK}/more",
        f"{CALLBACK}?a=1",
        f"{CALLBACK}#there",
        f" {CALLBACK}",
        CALLBACK[:-1],
        "https://app.lantern.example@evil.example/callback",
        "https://app.lantern.example/Callback",
        "https://app.lantern.example:443/callback",
        "http://app.lantern.example/callback",
        "https://evil.example/callback",
        "https://app.lantern.example.evil.example/callback",
        "",
    ],
)
async def test_redirect_goes_to_registered_addresses_only(place: Place, wrong: str) -> None:
    app, browser = await register(place), await visitor(place)
    assert await browser.ask("GET", address(app, redirect_uri=wrong)) == 400
    assert "Location" not in browser.headers
    form = {**dict(parse_pairs(address(app, redirect_uri=wrong))), "answer": "yes"}
    await browser.ask("GET", address(app))
    form["csrf"] = browser.values("/oauth/authorize")["csrf"]
    assert await browser.ask("POST", "/oauth/authorize", form) == 400


def parse_pairs(url: str) -> list[tuple[str, str]]:
    return [(name, values[0]) for name, values in parse_qs(urlsplit(url).query).items()]


@pytest.mark.parametrize(
    ("more", "error"),
    [
        ({"response_type": "token"}, "unsupported_response_type"),
        ({"scope": "read admin:write"}, "invalid_scope"),
        ({"scope": "everything"}, "invalid_scope"),
        ({"code_challenge": CHALLENGE, "code_challenge_method": "plain"}, "invalid_request"),
        ({"code_challenge": CHALLENGE}, "invalid_request"),
    ],
)
async def test_errors_are_told_to_the_app(place: Place, more: dict[str, str], error: str) -> None:
    app, browser = await register(place, "read write"), await visitor(place)
    assert await browser.ask("GET", address(app, state="s t", **more)) == 302
    query = parse_qs(urlsplit(browser.headers["Location"]).query)
    assert (query["error"], query["state"]) == ([error], ["s t"])


async def test_wrong_request_leads_nobody_away_before_they_log_in(place: Place) -> None:
    """Danger: otherwise whoever registers an app could use our address to send people anywhere."""
    app, stranger = await register(place), Browser(place)
    await place.person("ines")
    assert await stranger.ask("GET", address(app, scope="everything")) == 303
    assert stranger.headers["Location"].startswith("/login?")


async def test_errors_out_of_band_are_said_on_a_page(place: Place) -> None:
    app, browser = await register(place), await visitor(place)
    assert await browser.ask("GET", address(app, redirect_uri=OOB, scope="everything")) == 400
    assert "Location" not in browser.headers


async def test_unknown_app_is_no_reason_to_log_in(place: Place) -> None:
    app, browser = await register(place), await visitor(place)
    assert await browser.ask("GET", address(app, client_id="nobody")) == 400


async def test_app_may_ask_for_the_password_again_and_for_a_language(place: Place) -> None:
    app, browser = await register(place), await visitor(place)
    for more, status in ({"force_login": "False"}, 200), ({"force_login": "true"}, 303):
        assert await browser.ask("GET", address(app, state="x", lang="de", **more)) == status
        assert status == 303 or 'lang="de"' in browser.text
    assert await browser.ask("GET", browser.headers["Location"]) == 200
    assert 'lang="de"' in browser.text
    form = browser.values("/login") | {"login": "ines", "password": PASSWORD}
    assert await browser.ask("POST", "/login", form) == 303
    assert await browser.ask("GET", browser.headers["Location"]) == 200
    assert browser.values("/oauth/authorize")["state"] == "x"


async def test_consent_page_says_who_asks_for_what(place: Place) -> None:
    app = await register(place, client_name="<b>Lantern</b>", website="https://lantern.example")
    browser = await visitor(place)
    await browser.ask("GET", address(app))
    assert "&lt;b&gt;Lantern&lt;/b&gt;" in browser.text
    assert "<b>Lantern" not in browser.text
    assert '<strong><bdi dir="ltr">app.lantern.example</bdi></strong>' in browser.text
    assert "frame-ancestors 'none'" in browser.headers["Content-Security-Policy"]
    allowed = re.search("form-action ([^;]*)", browser.headers["Content-Security-Policy"])
    assert allowed
    assert allowed[1] == "'self' https://app.lantern.example"


async def test_consent_is_always_asked_and_no_means_no(place: Place) -> None:
    app, browser = await register(place), await visitor(place)
    await browser.consent(app, scope="read")
    there = await browser.consent(app, "no", scope="read", state="x")
    query = parse_qs(urlsplit(there).query)
    assert (query["error"], query["state"]) == (["access_denied"], ["x"])


async def test_form_from_elsewhere_is_not_taken(place: Place) -> None:
    """SECURITY 69: without the token of our own page nothing happens, logged in or not."""
    app, browser = await register(place), await visitor(place)
    forged = {**dict(parse_pairs(address(app))), "answer": "yes"}
    for csrf in ({}, {"csrf": "0" * 64}):
        assert await browser.ask("POST", "/oauth/authorize", {**forged, **csrf}) == 403
    stranger = Browser(place)
    await stranger.ask("GET", "/login")
    other = stranger.values("/login")["csrf"]
    assert await browser.ask("POST", "/oauth/authorize", {**forged, "csrf": other}) == 403


# ---- exchanging ----


async def test_code_becomes_a_token_by_form_json_and_basic(place: Place) -> None:
    app, browser = await register(place), await visitor(place)
    status, body = await app.exchange(await browser.code(app))
    assert status == 200
    assert (body["token_type"], body["scope"]) == ("Bearer", "read write")
    assert isinstance(body["created_at"], int)
    given = {"grant_type": "authorization_code", "redirect_uri": CALLBACK}
    both = {"client_id": app.client_id, "client_secret": app.secret}
    asked = {**given, **both, "code": await browser.code(app)}
    async with place.client.post("/oauth/token", json=asked) as answer:
        assert answer.status == 200
        assert answer.headers["Cache-Control"] == "no-store"
    basic = b64encode(f"{app.client_id}:{app.secret}".encode()).decode()
    async with place.client.post(
        "/oauth/token",
        data={**given, "code": await browser.code(app)},
        headers={"Authorization": f"Basic {basic}"},
    ) as answer:
        assert answer.status == 200


async def test_code_is_bound_to_app_address_and_verifier(place: Place, watch: Watch) -> None:
    app, other, browser = await register(place), await register(place), await visitor(place)
    pkce = {"code_challenge": CHALLENGE, "code_challenge_method": "S256"}
    attempts: list[tuple[App, dict[str, str]]] = [
        (other, {"code_verifier": VERIFIER}),
        (app, {"code_verifier": VERIFIER, "redirect_uri": SCHEME}),
        (app, {"code_verifier": "w" * 64}),
        (app, {"code_verifier": CHALLENGE}),
        (app, {}),
    ]
    for asker, more in attempts:
        status, body = await asker.exchange(await browser.code(app, **pkce), **more)
        assert (status, body["error"]) == (400, "invalid_grant"), more
    status, body = await app.exchange(await browser.code(app), code_verifier=VERIFIER)
    assert (status, body["error"]) == (400, "invalid_grant"), "a proof that nobody asked for"
    code = await browser.code(app, **pkce)
    watch.advance(timedelta(minutes=10))
    assert (await app.exchange(code, code_verifier=VERIFIER))[0] == 400
    code = await browser.code(app, **pkce)
    assert (await app.exchange(code, code_verifier=VERIFIER))[0] == 200


async def test_code_used_twice_takes_its_token_back(place: Place) -> None:
    app, browser = await register(place), await visitor(place)
    code = await browser.code(app)
    _, body = await app.exchange(code)
    headers = {"Authorization": f"Bearer {body['access_token']}"}
    async with place.client.get("/api/v1/preferences", headers=headers) as answer:
        assert answer.status == 200
    assert (await app.exchange(code))[0] == 400
    async with place.client.get("/api/v1/preferences", headers=headers) as answer:
        assert answer.status == 401


async def test_code_used_fifty_times_at_once_gives_at_most_one_token(place: Place) -> None:
    app, browser = await register(place), await visitor(place)
    code = await browser.code(app)
    answers = await asyncio.gather(*(app.exchange(code) for _ in range(50)))
    assert sorted(status for status, _ in answers) == [200] + [400] * 49


async def test_token_goes_to_the_app_itself_only(place: Place) -> None:
    app, browser = await register(place), await visitor(place)
    for client_id, secret in ((app.client_id, "wrong"), ("wrong", app.secret), ("", "")):
        wrong = App(place, client_id, secret)
        status, body = await wrong.exchange(await browser.code(app))
        assert (status, body["error"]) == (401, "invalid_client")


async def test_app_can_have_a_token_of_its_own(place: Place) -> None:
    app = await register(place, "read")
    status, body = await app.token(grant_type="client_credentials", scope="read")
    assert status == 200
    headers = {"Authorization": f"Bearer {body['access_token']}"}
    async with place.client.get("/api/v1/apps/verify_credentials", headers=headers) as answer:
        assert (await answer.json())["name"] == "Lantern"
    status, body = await app.token(grant_type="client_credentials", scope="read write")
    assert (status, body["error"]) == (400, "invalid_scope")
    status, body = await app.token(grant_type="password", username="ines", password=PASSWORD)
    assert (status, body["error"]) == (400, "unsupported_grant_type")


async def test_token_is_taken_back_by_its_own_app_only(place: Place) -> None:
    app, other, browser = await register(place), await register(place), await visitor(place)
    _, body = await app.exchange(await browser.code(app))
    token = body["access_token"]
    headers = {"Authorization": f"Bearer {token}"}
    for asker, expected, then in ((other, 403, 200), (app, 200, 401)):
        form = {"client_id": asker.client_id, "client_secret": asker.secret, "token": token}
        async with place.client.post("/oauth/revoke", data=form) as answer:
            assert answer.status == expected
        async with place.client.get("/api/v1/preferences", headers=headers) as answer:
            assert answer.status == then


async def test_admin_scope_is_granted_by_an_admin_only(place: Place) -> None:
    app = await register(place, "read admin:read")
    browser = await visitor(place)
    await browser.ask("GET", address(app, scope="admin:read"))
    form = browser.values("/oauth/authorize") | {"answer": "yes"}
    assert await browser.ask("POST", "/oauth/authorize", form) == 403
    await place.person("marta", role="admin")
    admin = Browser(place)
    await admin.log_in("marta")
    assert (await app.exchange(await admin.code(app, scope="admin:read")))[0] == 200


async def test_secrets_do_not_lie_in_the_file(place: Place) -> None:
    """SECURITY 66: after a whole flow, none of the secrets is in the database."""
    app, browser = await register(place), await visitor(place)
    code = await browser.code(app)
    _, body = await app.exchange(code)
    secrets = [app.secret, code, body["access_token"], *browser.cookies.values(), PASSWORD]
    folder = place.app_folder
    kept = b"".join(path.read_bytes() for path in folder.glob(f"{FILE}*"))
    assert app.client_id.encode() in kept
    assert [secret for secret in secrets if secret.encode() in kept] == []


async def test_code_out_of_band_is_shown_on_a_page(place: Place) -> None:
    app, browser = await register(place), await visitor(place)
    await browser.ask("GET", f"{address(app, redirect_uri=OOB)}&force_login=False&lang=de")
    form = browser.values("/oauth/authorize") | {"answer": "yes"}
    assert await browser.ask("POST", "/oauth/authorize/", form) == 200
    parser = Forms()
    parser.feed(browser.text)
    assert (await app.exchange(parser.codes[0], redirect_uri=OOB))[0] == 200


async def test_apps_own_scheme_is_led_back_to(place: Place) -> None:
    app, browser = await register(place), await visitor(place)
    there = await browser.consent(app, redirect_uri=SCHEME, state="ü &")
    assert there.startswith("lantern://callback?code=")
    assert parse_qs(urlsplit(there).query)["state"] == ["ü &"]


@pytest.mark.parametrize(
    ("registered", "leads_to"),
    [
        ("icecubesapp://", "icecubesapp://?code=c&state=s"),
        ("lantern:///callback", "lantern:///callback?code=c&state=s"),
        ("com.lantern:/callback", "com.lantern:/callback?code=c&state=s"),
        ("https://app.example/cb?x", "https://app.example/cb?x&code=c&state=s"),
        ("https://app.example/cb?", "https://app.example/cb?code=c&state=s"),
    ],
)
def test_address_stays_as_it_was_registered(registered: str, leads_to: str) -> None:
    assert oauth_grants.validate_redirect(registered) is None
    assert oauth_grants.back_to(registered, {"code": "c"}, "s") == leads_to
