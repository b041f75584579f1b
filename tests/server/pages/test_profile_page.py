"""One's own profile and defaults, by the forms of the settings page."""

import hmac
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

import pytest

from server.http.app_keys import SETTINGS
from server.pages.access.devices import device
from storage.access import sessions
from storage.engine import ids
from tests.server.actions.people.test_profiles import changed, kept, painted, sent
from tests.support.servers import Person, Place


@dataclass
class Browser:
    """A browser in which somebody is logged in, with a form of the settings page open."""

    person: Person
    secret: str

    @property
    def csrf(self) -> str:
        key = (self.person.place.app[SETTINGS].secret or "").encode()
        return hmac.new(key, self.secret.encode(), sha256).hexdigest()

    async def send(self, path: str, locale: str = "en", **form: str | bytes) -> tuple[int, str]:
        """Send a form; status, and the page or where it leads."""
        headers = {"Cookie": f"kith={self.secret}", "Accept": "text/html"}
        data = sent(**({"csrf": self.csrf} | form))
        async with self.person.place.client.post(
            path,
            data=data,
            headers={**headers, "Accept-Language": locale},
            allow_redirects=False,
        ) as answer:
            return answer.status, answer.headers.get("Location") or await answer.text()


async def browser(person: Person) -> Browser:
    secret = ids.secret()
    await person.place.database.write(sessions.start, secret, person.actor.id, FIREFOX)
    return Browser(person, secret)


FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
FULL: dict[str, Any] = {
    "display_name": "Alice Berg",
    "note": "Leeks.\r\n\r\nAnd patience.",
    "field_name_1": "Plot",
    "field_value_1": "9",
    "field_name_2": "",
    "field_value_2": "",
    "field_name_3": "Web",
    "field_value_3": "https://berg.example",
    "locked": "1",
    "avatar": b"",
    "header": b"",
}


async def test_form_of_the_page_changes_a_profile(place: Place) -> None:
    alice = await place.person("alice")
    status, where = await (await browser(alice)).send("/settings/profile", **FULL)
    assert (status, where) == (303, "/settings?done=profile#profile")
    own = await alice.get("/api/v1/accounts/verify_credentials")
    assert (own["display_name"], own["locked"]) == ("Alice Berg", True)
    assert own["note"] == "<p>Leeks.</p><p>And patience.</p>"
    assert [one["name"] for one in own["fields"]] == ["Plot", "Web"]


async def test_page_shows_what_is_kept_and_says_what_was_done(place: Place) -> None:
    alice = await place.person("alice")
    page = await browser(alice)
    await page.send("/settings/profile", **FULL)
    for locale, words in (("en", "That is how people see you now."), ("de", "So sehen dich")):
        headers = {"Cookie": f"kith={page.secret}", "Accept-Language": locale}
        async with place.client.get("/settings?done=profile", headers=headers) as answer:
            text = await answer.text()
            assert (answer.status, answer.headers["Cache-Control"]) == (200, "private, no-store")
        assert words in text
        for one in ('value="Alice Berg"', "Leeks.\n\nAnd patience.", 'value="Plot"', page.csrf):
            assert one in text
        assert re.search(r'name="locked" value="1" checked', text)
        assert "Firefox" in text


async def test_empty_form_is_a_change_too(place: Place) -> None:
    alice = await place.person("alice")
    page = await browser(alice)
    await page.send("/settings/profile", **FULL)
    await changed(alice, bot=True, indexable=True)
    assert (await page.send("/settings/profile"))[0] == 303
    own = await alice.get("/api/v1/accounts/verify_credentials")
    assert (own["display_name"], own["note"], own["fields"]) == ("", "", [])
    assert (own["locked"], own["bot"], own["indexable"]) == (False, True, True)


async def test_pictures_are_put_up_and_taken_down_by_the_form(place: Place) -> None:
    alice = await place.person("alice")
    page = await browser(alice)
    await page.send("/settings/profile", **FULL | {"avatar": painted(), "header": painted()})
    assert len(kept(place)) == 2
    await page.send("/settings/profile", **FULL)
    assert len(kept(place)) == 2
    await page.send("/settings/profile", **FULL, avatar_remove="1")
    own = await alice.get("/api/v1/accounts/verify_credentials")
    assert own["avatar"].endswith("missing.png")
    assert own["header"].rpartition("/")[2] in kept(place)
    assert len(kept(place)) == 1


@pytest.mark.parametrize(
    ("locale", "sentence"),
    [
        ("en", "This is 501 characters long; we can take up to 500."),
        ("de", "Das sind 501 Zeichen; wir können bis zu 500 nehmen."),
    ],
)
async def test_form_with_mistakes_comes_back_as_it_was_sent(
    place: Place, locale: str, sentence: str
) -> None:
    alice = await place.person("alice")
    wrong = FULL | {"note": "x" * 501, "field_name_3": "", "display_name": "<Alice>"}
    status, page = await (await browser(alice)).send("/settings/profile", locale, **wrong)
    assert status == 422
    assert sentence in page
    assert 'value="&lt;Alice&gt;"' in page
    assert "x" * 501 in page
    assert 'aria-describedby="profile-field_name_3-says"' in page
    assert ("Firefox auf Linux" if locale == "de" else "Firefox on Linux") in page
    assert "Lantern" in page
    own = await alice.get("/api/v1/accounts/verify_credentials")
    assert (own["display_name"], own["note"], own["locked"]) == ("", "", False)


async def test_picture_that_cannot_be_taken_is_said_in_the_form(place: Place) -> None:
    alice = await place.person("alice")
    wrong = FULL | {"avatar": b"%PDF-1.7"}
    status, page = await (await browser(alice)).send("/settings/profile", **wrong)
    assert status == 422
    assert "We can take JPEG, PNG, GIF, WebP and AVIF pictures." in page
    assert 'value="Alice Berg"' in page
    assert kept(place) == []


async def test_defaults_of_posting_are_kept(place: Place) -> None:
    alice = await place.person("alice")
    page = await browser(alice)
    for _ in range(2):  # the first use of a token is noted, and after it she is remembered
        assert (await alice.say("Hello."))["visibility"] == "public"
    status, where = await page.send("/settings/preferences", visibility="private", language="de")
    assert (status, where) == (303, "/settings?done=preferences#writing")
    said = await alice.say("Quiet.")
    assert (said["visibility"], said["language"]) == ("private", "de")
    for wrong in ({"visibility": "direct", "language": "de"}, {"visibility": "public"}):
        status, text = await page.send("/settings/preferences", **wrong)
        assert (status, "that are offered." in text) == (422, True)
    assert (await alice.say("Still quiet."))["visibility"] == "private"


@pytest.mark.parametrize("path", ["/settings/profile", "/settings/preferences"])
async def test_form_from_elsewhere_changes_nothing(place: Place, path: str) -> None:
    alice, bob = await place.person("alice"), await place.person("bob")
    page, other = await browser(alice), await browser(bob)
    form = FULL | {"visibility": "private", "language": "de"}
    for csrf in ("", "x", other.csrf):
        status, text = await page.send(path, **form, csrf=csrf)
        assert (status, "did not come from our page" in text) == (403, True), csrf
    async with place.client.post(
        path, data=sent(**form), headers={"Accept": "text/html"}
    ) as answer:
        assert answer.status == 403
    own = await alice.get("/api/v1/accounts/verify_credentials")
    assert (own["display_name"], own["source"]["privacy"]) == ("", "public")


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        (FIREFOX, "Firefox on Linux"),
        (
            "Mozilla/5.0 (iPad; CPU OS 18_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko)"
            " Version/18.5 Mobile/15E148 Safari/604.1",
            "Safari on iPad",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko)"
            " Chrome/138.0.0.0 Safari/537.36 Edg/138.0.0.0",
            "Edge on Windows",
        ),
        (
            "Mozilla/5.0 (Linux; Android 16; K) AppleWebKit/537.36 (KHTML, like Gecko)"
            " Chrome/138.0.0.0 Mobile Safari/537.36",
            "Chrome on Android",
        ),
        ("curl/8.9", "A browser"),
        ("", "A browser"),
    ],
)
def test_browsers_are_said_in_words(agent: str, words: str) -> None:
    assert device(agent, "en") == words
