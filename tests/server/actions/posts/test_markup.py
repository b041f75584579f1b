"""What a member wrote, made into content (design/mastodon-api/conventions.md)."""

import re
from collections.abc import Callable
from itertools import product
from urllib.parse import quote

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from federation.vocabulary.sanitize_html import SafeHtml, clean, clean_field, plain
from server.actions.posts.markup import (
    CHARACTERS_PER_URL,
    Handle,
    Mentioned,
    find_hashtags,
    find_mentions,
    length,
    render,
    render_field,
    render_note,
)
from tests.federation.vocabulary.test_sanitize_html import faults, vectors

ALICE = Mentioned("Alice", None, "https://garden.example/@Alice")
BEP = Mentioned("bep", "workshop.example", "https://workshop.example/@bep")
OTHER_BEP = Mentioned("Bep", "river.localhost:8002", "http://river.localhost:8002/@Bep")
PEOPLE = {
    Handle("alice", None): ALICE,
    Handle("alice", "garden.example"): ALICE,
    Handle("bep", "workshop.example"): BEP,
    Handle("bep", "river.localhost:8002"): OTHER_BEP,
}


def tag_url(tag: str) -> str:
    return f"https://garden.example/tags/{quote(tag)}"


def post(text: str) -> SafeHtml:
    return render(text, mentions=PEOPLE, tag_url=tag_url)


def field(text: str) -> SafeHtml:
    return render_field(text, mentions=PEOPLE, tag_url=tag_url)


def note(text: str) -> SafeHtml:
    return render_note(text, mentions=PEOPLE, tag_url=tag_url)


def link(url: str, rel: str = "nofollow noopener") -> str:
    scheme, address = url.split("://")
    shape = ' class="ellipsis"' if len(address) > 30 else ""
    return (
        f'<a href="{url}" target="_blank" rel="{rel}" translate="no">'
        f'<span class="invisible">{scheme}://</span><span{shape}>{address[:30]}</span>'
        f'<span class="invisible">{address[30:]}</span></a>'
    )


def test_mention_is_written_as_clients_expect_it() -> None:
    assert post("Hi @alice!") == (
        '<p>Hi <span class="h-card" translate="no"><a href="https://garden.example/@Alice" '
        'class="u-url mention">@<span>Alice</span></a></span>!</p>'
    )


def test_hashtag_is_written_as_clients_expect_it() -> None:
    assert post("#Plum, jam") == (
        '<p><a href="https://garden.example/tags/plum" class="mention hashtag" rel="tag">'
        "#<span>Plum</span></a>, jam</p>"
    )


def test_link_is_written_as_clients_expect_it() -> None:
    short = "https://a.example/x"
    assert post(f"See {short}.") == f"<p>See {link(short)}.</p>"
    assert post("https://a.example/0123456789012345678901234567890") == (
        '<p><a href="https://a.example/0123456789012345678901234567890" target="_blank" '
        'rel="nofollow noopener" translate="no"><span class="invisible">https://</span>'
        '<span class="ellipsis">a.example/01234567890123456789</span>'
        '<span class="invisible">01234567890</span></a></p>'
    )


def test_paragraphs_and_breaks_take_the_place_of_newlines() -> None:
    assert post("\n a\r\nb\rc \n\n \n\nd\n") == "<p> a<br />b<br />c</p><p>d</p>"
    assert post(" \n ") == ""


def test_markup_of_other_kinds_is_escaped() -> None:
    assert post("<b> & \"x\" 'y'") == "<p>&lt;b&gt; &amp; \"x\" 'y'</p>"


def test_unknown_handle_stays_text() -> None:
    assert post("@carol @bep @x@evil.example") == "<p>@carol @bep @x@evil.example</p>"


def test_domain_is_shown_only_when_two_people_share_a_name() -> None:
    both = plain(post("@bep@workshop.example and @Bep@river.localhost:8002, @alice"))
    assert both == "@bep@workshop.example and @Bep@river.localhost:8002, @Alice"
    assert plain(post("@bep@workshop.example @alice @alice@garden.example")) == "@bep @Alice @Alice"


def test_person_whose_page_is_no_web_address_is_not_linked() -> None:
    people = {Handle("eve", None): Mentioned("eve", None, "javascript:alert(1)")}
    assert render("@eve", mentions=people, tag_url=tag_url) == "<p>@eve</p>"


def test_note_is_rendered_like_a_post() -> None:
    text = "I am @alice\nhttps://a.example #plum"
    assert note(text) == post(text)


def test_profile_field_is_one_line_whose_links_say_me() -> None:
    assert (
        field(" https://a.example \n x") == link("https://a.example", "me nofollow noopener") + " x"
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("@alice", [("alice", None)]),
        (
            "@Alice and @ALICE, @bep@Workshop.Example.",
            [("alice", None), ("bep", "workshop.example")],
        ),
        ("(@a_b.c-d)", [("a_b.c-d", None)]),
        ("@alice. @bep- @carol_", [("alice", None), ("bep", None), ("carol_", None)]),
        ("@bep@river.localhost:8002: hi", [("bep", "river.localhost:8002")]),
        ("@bep@garden.example:30 past", [("bep", "garden.example")]),
        ("@bep@bücher.example", [("bep", "bücher.example")]),
        ("@bep@localhost:8000", [("bep", "localhost:8000")]),
        ("bep@garden.example /@alice é@alice a.@alice", []),
        (".@alice see (@bep)", [("alice", None), ("bep", None)]),
        ("https://garden.example/@alice https://x.example/?q=@alice+@bep", []),
        ("https://a.example/(@alice), @bep", [("bep", None)]),
        ("@ @@ @- @.a @é", []),
        ("@alice@", [("alice", None)]),
    ],
)
def test_mentions_are_found(text: str, found: list[tuple[str, str | None]]) -> None:
    assert find_mentions(text) == [Handle(*handle) for handle in found]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("#Plum #plum #PLUM #jam", ["Plum", "jam"]),
        ("(#a_1), #1a #_x", ["a_1", "1a", "_x"]),
        ("#1 #2026 #_ # ## #-", []),
        ("#हिन्दी #日本語 #עברית #ไทยๆ ＃東京", ["हिन्दी", "日本語", "עברית", "ไทยๆ", "東京"]),
        (
            "#col·laborar #ジョン・レノン #می\u200cخواهم",
            ["col·laborar", "ジョン・レノン", "می\u200cخواهم"],
        ),
        ("#plum· #jam.", ["plum", "jam"]),
        ("a#b /#c é#d", []),
        ("https://a.example/#plum https://a.example?x=#jam", []),
        ("#️⃣", []),
    ],
)
def test_hashtags_are_found(text: str, found: list[str]) -> None:
    assert find_hashtags(text) == found


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("https://a.example.", "https://a.example"),
        ("(https://a.example/x)", "https://a.example/x"),
        ("(see https://a.example/x_(y)), z", "https://a.example/x_(y)"),
        ("https://a.example/x?y=[1]&z=2#f!?", "https://a.example/x?y=[1]&z=2#f"),
        ("[https://a.example/x]:", "https://a.example/x"),
        ('"https://a.example/x"', "https://a.example/x"),
        ("<https://a.example/x>", "https://a.example/x"),
        ("**https://a.example/x**", "https://a.example/x"),
        ("https://a.example: yes", "https://a.example"),
        ("https://a.example:8001/x", "https://a.example:8001/x"),
        ("HTTP://bücher.example/ü", "HTTP://bücher.example/ü"),
        ("http://localhost:8000/x", "http://localhost:8000/x"),
        ("見てhttps://a.example/x", "https://a.example/x"),
        ("https://a.example/@alice/1#plum", "https://a.example/@alice/1#plum"),
    ],
)
def test_web_addresses_are_found(text: str, url: str) -> None:
    assert f'<a href="{url.replace("&", "&amp;")}" target' in post(text)


NO_ADDRESSES = """
    a.example ftp://a.example javascript:alert(1) xhttps://a.example https://a http:// https://.
    https:/a.example https://1.2.3.400/ https://bank.example@evil.example
    https://bank.example:x@evil.example/
"""


@pytest.mark.parametrize("text", NO_ADDRESSES.split())
def test_misleading_address_stays_text(text: str) -> None:
    assert "<a" not in post(text)


@pytest.mark.parametrize(
    ("text", "counted"),
    [
        ("", 0),
        ("abc", 3),
        ("https://a.example", CHARACTERS_PER_URL),
        ("a https://a.example/" + "x" * 300 + ".", 2 + CHARACTERS_PER_URL + 1),
        ("@bep@workshop.example x", len("@bep x")),
        ("@bep@river.localhost:8002", len("@bep")),
        ("#plum", 5),
        ("a\r\nb", 3),
        ("👨‍👩‍👧 🇳🇱🇧🇪 👍🏽 e\u0301", 8),
        ("a" + "\u0301" * 169, 10),
    ],
)
def test_length_is_counted_as_clients_do(text: str, counted: int) -> None:
    assert length(text) == counted


FIELDS: dict[str, Callable[[str], SafeHtml]] = {"post": post, "note": note, "field": field}


def test_payloads_do_not_survive_being_written_by_a_member() -> None:
    corpus = vectors()
    cells = 0
    for (name, rendered), vector in product(FIELDS.items(), corpus):
        assert faults(rendered(vector)) == [], (name, vector)
        cells += 1
    print(f"{len(corpus)} payloads x {len(FIELDS)} fields = {cells} cells")


_WORDS = """
    @alice @bep@workshop.example @bep@river.localhost:8002 @x #plum # @ https://a.example http://
    /x(y) ( ) [ ] . : · <b> &amp; ?a=b&c 8001 é " '
"""
_PIECES = st.sampled_from([*_WORDS.split(), *"\n \u0301\u200d\xa0\x00\r\ud800"])
_WRITTEN = st.one_of(st.lists(_PIECES, max_size=30).map("".join), st.text())
_OWN_MARKUP = re.compile(r'</?(?:p|a|span)(?: [a-z]+="[^"<>]*")*>|<br />')
_FORCED = re.compile(r'(class="(?:u-url mention|mention hashtag)")(?: rel="tag")?')


def as_cleaned(markup: str) -> str:
    """The one thing the cleaner changes: it makes links to people and tags like any others."""
    return _FORCED.sub(r'\1 target="_blank" rel="nofollow noopener"', markup)


@settings(deadline=None, max_examples=500)
@given(_WRITTEN)
@example("https://a.example/\xa0x\xa0")
@example("@ali\x00ce")
def test_markup_of_any_text_is_safe_and_the_cleaner_agrees(text: str) -> None:
    assert clean(post(text)) == as_cleaned(post(text))
    assert clean_field(field(text)) == as_cleaned(field(text))
    for rendered in (post(text), field(text)):
        assert faults(rendered) == []
        assert not re.search("[\r\n]", rendered)
        assert "<" not in _OWN_MARKUP.sub("", rendered)


@settings(deadline=None, max_examples=500)
@given(_WRITTEN)
def test_finding_and_counting_never_raise_and_agree_with_the_content(text: str) -> None:
    assert length(text) >= 0
    linked = re.findall(r"#<span>([^<]+)", post(text))
    assert {tag.casefold() for tag in linked} == {tag.casefold() for tag in find_hashtags(text)}
    known = {PEOPLE[handle].url for handle in find_mentions(text) if handle in PEOPLE}
    assert set(re.findall(r'<a href="([^"]+)" class="u-url', post(text))) == known


FLOODS = ("@", "@a", "@a.", "@a@", "@a@a.", "#", "#a·", "http://", "http://a.b:", "\u0301")


@pytest.mark.parametrize("unit", (*FLOODS, "http://a.b/)"))
def test_flood_is_rendered_without_harm(unit: str) -> None:
    """Linear time is argued in the module; a timed test would only flicker."""
    assert faults(post(unit * (10_000 // len(unit)))) == []
