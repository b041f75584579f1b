"""Pictures and emoji on pages: from our own address, described, behind a summary when sensitive."""

import re
from datetime import timedelta
from html import unescape

import pytest

from federation.vocabulary.sanitize_html import clean, from_line, with_emoji
from tests.server.api.test_emojis import add
from tests.server.api.test_media_attachments import opened, sent
from tests.support.clock import Watch
from tests.support.servers import Place

PICTURES = {"blob": "/media/blob.png"}
DRAWN = (
    '<img class="emoji" src="/media/blob.png" alt=":blob:" title=":blob:" width="20" height="20">'
)


async def page(place: Place, path: str) -> str:
    async with place.client.get(path, headers={"Accept": "text/html"}) as answer:
        assert answer.status == 200
        assert "img-src 'self'" in answer.headers["Content-Security-Policy"]
        return await answer.text()


def pictures(text: str) -> list[dict[str, str]]:
    found = re.findall(r"<img([^>]*)>", text)
    return [
        {name: unescape(value) for name, value in re.findall(r' ([a-z]+)="([^"]*)"', one)}
        for one in found
    ]


async def test_post_shows_its_pictures_with_their_descriptions(place: Place) -> None:
    alice = await place.person("alice")
    made = [await sent(alice, description='Leek & "kale"'), await sent(alice)]
    said = await alice.say("Look", media_ids=[one["id"] for one in made])
    text = await page(place, f"/@alice/{said['id']}")
    shown = pictures(text)
    assert [one["alt"] for one in shown] == ['Leek & "kale"', "Picture without a description"]
    for one in shown:
        assert one["src"].startswith("/media/") and one["loading"] == "lazy"
        assert int(one["width"]) / int(one["height"]) == pytest.approx(1.5, rel=0.01)
        assert (await opened(place, f"http://home.example{one['src']}"))[0] == 200
    assert "Description of the picture" in text
    assert "<details" in text and 'class="veil"' not in text


async def test_sensitive_picture_is_behind_a_summary(place: Place) -> None:
    alice = await place.person("alice")
    for spoiler in ("", "Food"):
        made = await sent(alice)
        said = await alice.say("Look", media_ids=[made["id"]], sensitive=True, spoiler_text=spoiler)
        text = await page(place, f"/@alice/{said['id']}")
        assert text.index("<summary") < text.index("<img")
        hidden = text[text.index('<details class="veil"') : text.index("<img")]
        assert ("A picture that may be hard to look at" in hidden) is (spoiler == "")


async def test_emoji_are_drawn_in_words_warnings_and_names(place: Place) -> None:
    alice = await place.person("alice")
    await add(place, "leek")
    profile = {"display_name": "Alice :leek:", "note": "I like :leek:"}
    await alice.call("PATCH", "/api/v1/accounts/update_credentials", json=profile)
    said = await alice.say("Soup :leek: <:leek:>", spoiler_text=":leek: soup")
    text = await page(place, f"/@alice/{said['id']}")
    assert [one["alt"] for one in pictures(text)].count(":leek:") >= 4
    assert ":leek:" in re.sub(r"<title>(.*?)</title>", r"\1", text)
    text = await page(place, "/@alice")
    assert [one["alt"] for one in pictures(text)].count(":leek:") >= 3


@pytest.mark.parametrize(
    ("markup", "drawn"),
    [
        ("<p>a :blob: b</p>", f"<p>a {DRAWN} b</p>"),
        ("<p>:blob:</p>", f"<p>{DRAWN}</p>"),
        ("<p>:other: 1:blob:2</p>", "<p>:other: 1:blob:2</p>"),
        ("<p>&lt;img alt=:blob:&gt;</p>", None),
    ],
)
def test_emoji_are_drawn_in_text(markup: str, drawn: str | None) -> None:
    html = clean(markup)
    assert drawn is None or with_emoji(html, PICTURES) == drawn
    assert re.sub("<img[^>]*>", ":blob:", with_emoji(html, PICTURES)) == html


@pytest.mark.parametrize(
    "markup",
    [
        '<a href="https://x.example/:blob:">x</a>',
        '<a href="https://x.example/?a=:blob:&amp;b" class=":blob:">x</a>',
        '<span class="mention :blob:" lang=":blob:">x</span>',
        '<p lang="a>:blob:">x</p>',
        "<p title=':blob:'>x</p>",
    ],
)
def test_never_inside_a_tag(markup: str) -> None:
    """SECURITY 53: what stands in an attribute stays what it is."""
    html = clean(markup)
    assert "<img" not in with_emoji(html, PICTURES)


def test_path_or_a_line_breaks_out_of_nothing() -> None:
    drawn = with_emoji(from_line('"><script> :blob:'), {"blob": '/x" onerror="alert(1)'})
    assert "<script>" not in drawn and 'onerror="alert' not in drawn
    assert "&quot; onerror=&quot;" in drawn


async def test_poll_shows_its_choices_and_counts_when_it_is_over(
    place: Place, watch: Watch
) -> None:
    ada, bob = await place.person("ada"), await place.person("bob")
    asked = {"options": ["Saturday", "<b>Sunday</b>"], "expires_in": 3600}
    said = await ada.say("Which day?", poll=asked)
    await bob.post(f"/api/v1/polls/{said['poll']['id']}/votes", choices=[1])
    shown = await page(place, f"/@ada/{said['id']}")
    assert "Saturday" in shown and "&lt;b&gt;Sunday&lt;/b&gt;" in shown
    assert "Choose one in your app." in shown and "Open until" in shown
    assert "</span>: 1</li>" not in shown
    watch.advance(timedelta(hours=2))
    shown = await page(place, f"/@ada/{said['id']}")
    assert "This poll is over." in shown and "</span>: 1</li>" in shown
