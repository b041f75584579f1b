"""Posts as other servers write them, from public reports: what only helps is read leniently."""

from typing import Any

import pytest

from federation.errors import Malformed
from federation.objects import note
from federation.objects.note import Note
from federation.transport.media_types import is_activity, is_html, is_plain_text, parse_media_type
from federation.vocabulary.json_documents import is_a, kind
from federation.vocabulary.language_tags import parse_language
from federation.vocabulary.sanitize_html import clean, plain
from tests.federation.objects.test_objects import HOST, NOTE


def read(**more: Any) -> Note:
    return note.parse(NOTE | more)


@pytest.mark.parametrize(
    "type_",
    [
        ["http://schema.org/SocialMediaPosting", "Note"],
        ["Note", "http://schema.org/SocialMediaPosting"],
        "as:Note",
        "https://www.w3.org/ns/activitystreams#Note",
        ["https://www.w3.org/ns/activitystreams#Note"],
    ],
)
def test_type_beside_others_is_known(type_: object) -> None:
    assert read(type=type_).type == "Note"
    tag = {"type": ["x:Tag", "Mention"], "href": f"{HOST}/users/eva", "name": "@eva"}
    assert [one.name for one in read(type=type_, tag=[tag]).mentions] == ["@eva"]
    picture = {"type": ["schema:ImageObject", "Image"], "url": f"{HOST}/a.png"}
    assert len(read(attachment=[picture]).attachments) == 1


def test_type_that_is_not_known_is_refused() -> None:
    for type_ in ("Tombstone", ["x:Note", "y:Note"], [], ["Note", 1], None):
        with pytest.raises(Malformed):
            read(type=type_)
    assert kind({"type": ["x", "Like"]}, {"Like"}) == "Like"
    assert kind({"type": ["x", "y"]}, {"Like"}) == "x"
    assert is_a({"type": ["x", "Like"]}, "Follow", "Like") and not is_a({}, "Like")


@pytest.mark.parametrize(
    ("fields", "titles", "multiple"),
    [
        ({"anyOf": [], "oneOf": [{"name": "A"}, {"name": "B"}]}, ["A", "B"], False),
        ({"oneOf": [], "anyOf": [{"name": "A"}, {"name": "B"}]}, ["A", "B"], True),
        ({"anyOf": [{"type": "Note"}], "oneOf": [{"name": "A"}]}, ["A"], False),
        ({"oneOf": [{"nameMap": {"de": "Ja"}}, {"content": "<p>Nein</p>"}]}, ["Ja", "Nein"], False),
    ],
)
def test_poll_is_read_as_it_is_meant(
    fields: dict[str, Any], titles: list[str], multiple: bool
) -> None:
    found = read(type="Question", **fields).poll
    assert found is not None
    assert (found.titles, found.multiple) == (titles, multiple)


@pytest.mark.parametrize("type_", ["Page", ["Page", "x:Link"], "Video", "Event"])
def test_page_shows_what_it_is_about(type_: object) -> None:
    story = {"type": "Link", "href": "http://ext.example/story"}
    said = read(type=type_, name="Read this", content=None, url=None, attachment=[story])
    assert "Read this" in said.content
    for address in ("http://ext.example/story", NOTE["id"]):
        assert f'href="{address}"' in said.content
    trick = {"type": "Link", "href": "javascript:x"}
    assert "javascript" not in read(type="Page", attachment=trick).content


@pytest.mark.parametrize(
    ("fields", "language"),
    [
        ({"content": "<p>Hallo</p>", "contentMap": {"de": '<p class="x">Hallo</p>'}}, "de"),
        ({"content": "<p>b</p>", "contentMap": {"de": "<p>a</p>", "fr": "<p>b</p>"}}, "fr"),
        ({"content": "<p>c</p>", "contentMap": {"de": "<p>a</p>", "fr": "<p>b</p>"}}, None),
        ({"contentMap": {"und": "<p>Hello</p>"}}, None),
        ({"language": {"identifier": "fr", "name": "Français"}}, "fr"),
        ({"language": "pt_BR"}, "pt-BR"),
        ({"language": {"identifier": "und"}}, None),
        ({"language": 7}, None),
    ],
)
def test_language_is_found_wherever_it_is_told(
    fields: dict[str, Any], language: str | None
) -> None:
    assert read(**fields).language == language


@pytest.mark.parametrize(
    ("written", "tag"),
    [
        ("de", "de"),
        ("EN_us", "en-US"),
        ("zh-hant-tw", "zh-Hant-TW"),
        ("de_DE.UTF-8", "de-DE"),
        (" fr ", "fr"),
        ("und", None),
        ("", None),
        ("deutsch", None),
        ("<b>", None),
        (None, None),
        ("a" * 4000, None),
    ],
)
def test_language_tag_is_written_in_one_way(written: object, tag: str | None) -> None:
    assert parse_language(written) == tag


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<div>one</div><div>two</div>", "one\ntwo"),
        ("<table><tr><td>x</td><td>y</td></tr></table>", "x\ny"),
        ("<section><p>a</p></section><p>b</p>", "a\n\nb"),
        ("<dl><dt>a</dt><dd>b</dd></dl>", "a\nb"),
        ("a<hr>b", "a\nb"),
        ("<DIV CLASS='x'>one</DIV >two", "one\ntwo"),
        ("<div>one<div>two", "one\ntwo"),
        ("<figure><img src='x'><figcaption>c</figcaption></figure>d", "c\nd"),
        ("<span>one</span><span>two</span>", "onetwo"),
    ],
)
def test_block_that_is_taken_away_leaves_a_break(html: str, text: str) -> None:
    cleaned = clean(html)
    assert plain(cleaned) == text
    assert clean(cleaned) == cleaned


def test_blocks_by_the_thousand_cost_little() -> None:
    assert clean("<div>" * 50_000).count("<br") <= 1
    assert len(plain(clean("<div>x</div>" * 2_000)).split("\n")) > 500


@pytest.mark.parametrize(
    ("url", "address"),
    [
        (f"{HOST}/m/my pic.png", f"{HOST}/m/my%20pic.png"),
        (f" {HOST}/m/a.png ", f"{HOST}/m/a.png"),
        (f'{HOST}/m/"a".png', f"{HOST}/m/%22a%22.png"),
        ({"type": "Link", "href": f"{HOST}/m/b c.png"}, f"{HOST}/m/b%20c.png"),
    ],
)
def test_address_of_a_picture_is_encoded(url: object, address: str) -> None:
    (found,) = read(attachment={"type": "Image", "url": url}).attachments
    assert found.url == address


@pytest.mark.parametrize("type_", ["text/plain", "text/markdown; charset=utf-8", "TEXT/PLAIN"])
def test_plain_text_keeps_its_lines(type_: str) -> None:
    said = read(mediaType=type_, content="one\ntwo\n\nthree <b>")
    assert said.content == "<p>one<br />two</p><p>three &lt;b&gt;</p>"
    assert read(mediaType="text/html", content="<p>a</p>").content == "<p>a</p>"


def test_media_types_are_read_in_one_way() -> None:
    ours = 'application/ld+json;profile="https://www.w3.org/ns/activitystreams"'
    spoken = ours.replace("application/ld+json;profile", "Application/LD+JSON ; PROFILE")
    for written in (ours, ours.replace(";", " ; "), spoken, "application/activity+json; q=1"):
        assert is_activity(parse_media_type(written)), written
    others: list[object] = ["application/ld+json", "application/json", "", None, 7, "a" * 5000]
    assert not any(is_activity(parse_media_type(other)) for other in others)
    assert is_html("text/html;charset=utf-8") and not is_html("text/htmlx")
    assert is_plain_text("Text/Plain") and not is_plain_text("text/html")
