"""Remote HTML made safe (SECURITY F50–F53)."""

import json
import re
from collections.abc import Callable
from html.parser import HTMLParser
from itertools import product

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from federation.vocabulary import sanitize_html
from federation.vocabulary.sanitize_html import (
    MOST_BYTES,
    MOST_TAGS,
    SafeHtml,
    clean,
    clean_field,
    escape_markup,
    from_text,
    line,
    plain,
    safe_url,
    trust,
)

BARE = ("br", "del", "s", "pre", "blockquote", "code", "b", "strong", "u", "i", "em", "ul")
ALLOWED = {
    "a": {"href", "rel", "class", "translate", "target", "lang"},
    "span": {"class", "translate", "lang"},
    "ol": {"start", "reversed", "lang"},
    "li": {"value", "lang"},
    "p": {"class", "lang"},
    **{tag: {"lang"} for tag in (*BARE, "ruby", "rt", "rp")},
}
WEB = ("http", "https")
ELSEWHERE = ("dat", "dweb", "ipfs", "ipns", "ssb", "gopher", "xmpp", "magnet", "gemini")
CLASSES = re.compile("(h|p|u|dt|e)-[a-z0-9-]+|mention|hashtag|ellipsis|invisible|quote-inline")

_CALL = "alert(1)"
_TAGS = ("img", "svg", "body", "video", "details", "a", "p", "span", "math", "x-y", "marquee")
_EVENTS = ("onerror", "onload", "onclick", "ontoggle", "ONMOUSEOVER", "onfocus")
_SCRIPTS = (
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)",
    " \x01javascript:alert(1)",
    "java\tscript:alert(1)",
    "java&#10;script:alert(1)",
    "&#106;avascript:alert(1)",
    "&#x6A&#x61vascript&colon;alert(1)",
    "javascript\x00:alert(1)",
    "vbscript:msgbox(1)",
    "data:text/html,<script>alert(1)</script>",
    "data:text/html;base64,PHNjcmlwdD4=",
    "blob:https://kith.example/1",
    "file:///etc/passwd",
    "view-source:https://kith.example",
    "https:javascript:alert(1)",
    "//evil.example/x",
    "/settings/delete",
    "\\\\evil.example",
    "https:evil",
    "https:/evil",
    "https:\\evil.example",
    "https://kith.example@evil.example/",
    "https://kith.example\\@evil.example/",
    "https://%6bith.example/",
    "?delete=1",
    "#x",
)
_CARRIERS = (
    '<a href="{}">x</a>',
    "<a href='{}'>x",
    "<a href={}>x</a>",
    '<area href="{}">',
    '<form action="{0}"><button formaction="{0}">x',
    '<iframe src="{}"></iframe>',
    '<object data="{}"></object>',
    '<svg><a xlink:href="{}"><text>x',
    '<base href="{}">',
    '<meta http-equiv="refresh" content="0;url={}">',
    '<link rel="stylesheet" href="{}">',
    '<p style="background:url({})">x',
)
_MARKUP = (
    "<script>alert(1)</script>",
    "<script src=//evil.example></script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<<script>alert(1)//<</script>",
    "<script\x20type='text/javascript'>alert(1)</script >",
    "<style>*{background:url(//evil.example)}</style>",
    "<style><img src='</style><img src=x onerror=alert(1)>'>",
    "<noscript><p title='</noscript><img src=x onerror=alert(1)>'>",
    "<title><a title='</title><img src=x onerror=alert(1)>'>",
    "<textarea><a title='</textarea><img src=x onerror=alert(1)>'>",
    "<xmp><a title='</xmp><img src=x onerror=alert(1)>'>",
    "<template><img src=x onerror=alert(1)></template>",
    "<math><mtext><table><mglyph><style><!--</style><img title='--&gt;&lt;img src=1 "
    "onerror=alert(1)&gt;'>",
    "<svg></p><style><a id='</style><img src=1 onerror=alert(1)>'>",
    "<form><math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<math><annotation-xml encoding='text/html'><img src=x onerror=alert(1)></math>",
    "<svg><foreignObject><body onload=alert(1)></svg>",
    "<svg><script>alert&#40;1&#41;</script></svg>",
    "<svg><use href='data:image/svg+xml,<svg id=x onload=alert(1)>#x'>",
    "<!--><img src=x onerror=alert(1)>-->",
    "<!-- --!><img src=x onerror=alert(1)> -->",
    "<![CDATA[<img src=x onerror=alert(1)>]]>",
    "<?xml-stylesheet href='javascript:alert(1)'?><img src=x onerror=alert(1)>",
    "<img src=x onerror=alert(1)//",
    "<img/src='x'/onerror=alert(1)>",
    "<img\x0csrc=x\x0conerror=alert(1)>",
    "<img src=`x` onerror=`alert(1)`>",
    "<p class='sheet button door mention'>x",
    "<p id=location name=location>x",
    "<a href='https://a.example' target=_self rel=opener onclick=alert(1)>x",
    "<a href='https://a.example/\"onmouseover=alert(1) x=\"'>x",
    "<a href='https://a.example/&quot;&gt;&lt;script&gt;alert(1)&lt;/script&gt;'>x",
    "<span lang='\"><script>alert(1)</script>'>x",
    "<span translate='\"onload=alert(1)'>x",
    "<ol start='1\" onload=alert(1)'><li value='&quot;&gt;&lt;script&gt;'>x",
    "<table><a href=https://a.example><td><a href=https://b.example>x",
    "<select><option><style></option></select><img src=x onerror=alert(1)></style>",
    "<p>{{constructor.constructor('alert(1)')()}}</p>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "&amp;lt;script&amp;gt;alert(1)",
    "\ud83d<script>alert(1)</script>\udc00",
    "<a href='https://a.example'><object><a href='https://b.example'>x",
    "<p><b a><b c><b d><b e></p><p>x",
    "<h1 onclick=alert(1)>x</h1><h<h2>3>x",
    "</p></a></span><plaintext><script>alert(1)",
)
_AROUND = ("{}", 'x" onload=alert(1) {}', "<p>{}</p>")


def vectors() -> list[str]:
    """Every way in: handlers on elements, addresses in attributes, and broken markup."""
    handlers = [f"<{tag} src=x {event}={_CALL}>x" for tag, event in product(_TAGS, _EVENTS)]
    addresses = [carrier.format(script) for carrier, script in product(_CARRIERS, _SCRIPTS)]
    return [
        around.replace("{}", v) for around in _AROUND for v in (*handlers, *addresses, *_MARKUP)
    ]


class _Reader(HTMLParser):
    """Writes down what a piece of markup has that it must not have."""

    def __init__(self) -> None:
        super().__init__()
        self.faults: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = [name for name, _ in attrs]
        extra = set(names) - ALLOWED.get(tag, set())
        if tag not in ALLOWED or extra or len(names) != len(set(names)):
            self.faults.append(f"<{tag} {attrs}>")
        self.faults += [f"{name}={v!r}" for name, v in attrs if not _is_fine(name, v or "")]

    def handle_comment(self, data: str) -> None:
        self.faults.append(f"<!--{data}-->")

    def handle_decl(self, decl: str) -> None:
        self.faults.append(f"<!{decl}>")

    def unknown_decl(self, data: str) -> None:
        self.faults.append(f"<![{data}>")

    def handle_pi(self, data: str) -> None:
        self.faults.append(f"<?{data}>")


def _is_fine(name: str, value: str) -> bool:
    if name == "href":
        scheme, _, rest = value.partition(":")
        web = re.match(r"//[^/@\\%?#]+([/?#]|$)", rest) is not None
        return scheme.lower() in ELSEWHERE or (scheme.lower() in WEB and web)
    if name == "class":
        return all(CLASSES.fullmatch(word) for word in value.split(" "))
    return re.fullmatch(r"[A-Za-z0-9 _-]*", value) is not None


def faults(markup: str) -> list[str]:
    """What is wrong with a piece of markup, read by another parser than the one that made it."""
    assert markup.isprintable() or not re.search(
        "[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]", markup
    )
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    return reader.faults


FIELDS: dict[str, Callable[[str], str]] = {
    "content": clean,
    "profile field": clean_field,
    "plain text": from_text,
    "preview": lambda text: from_text(plain(text)),
    "name": lambda text: from_text(line(text, 100)),
    "attribute": lambda text: f'<a href="https://a.example/{escape_markup(line(text, 500))}">x</a>',
}


def test_markup_that_runs_or_leads_astray_survives_in_no_field() -> None:
    corpus = vectors()
    cells = 0
    for (name, made), vector in product(FIELDS.items(), corpus):
        assert faults(made(vector)) == [], (name, vector)
        cells += 1
    print(f"{len(corpus)} payloads x {len(FIELDS)} fields = {cells} cells")
    assert len(corpus) >= 400


def test_cleaning_what_is_clean_changes_nothing_for_all_payloads() -> None:
    for vector in vectors():
        assert clean(clean(vector)) == clean(vector)
        assert clean_field(clean_field(vector)) == clean_field(vector)


_PIECES = st.sampled_from(
    [f"<{slash}{tag}>" for tag in (*ALLOWED, "h1", "div", "table", "td", "object", "form", "button")
     for slash in ("", "/")]
    + ["<a href=https://a.example>", "<a href='javascript:x'>", '<b x="', "<i a>", "<pre>\n\n"]
    + ["<img src=x onerror=y>", "<svg>", "<math>", "<mtext>", "<style>", "</style>", "<!--"]
    + ["-->", "<h2 ", "&", "&lt;"]
    + ["&nbsp;", "&#13;", "&#x80;", "\x00", "\r\n", "\ud800", "<", ">", '"', "x", " "]
)  # fmt: skip
_HOSTILE = st.one_of(st.lists(_PIECES, max_size=40).map("".join), st.text())


@settings(deadline=None, max_examples=400)
@given(_HOSTILE)
@example("<pre>\n\n\n\n\n\n\n\n\n\nx")
@example("<a><object>" * 30)
def test_text_of_any_kind_is_made_safe_and_stays_as_it_is_when_cleaned_again(text: str) -> None:
    for cleaner in (clean, clean_field):
        once = cleaner(text)
        assert faults(once) == []
        assert cleaner(once) == once


@settings(deadline=None, max_examples=200)
@given(st.text())
def test_plain_text_made_html_is_left_alone_by_the_cleaner(text: str) -> None:
    assert clean(from_text(text)) == from_text(text)


@settings(deadline=None, max_examples=200)
@given(_HOSTILE)
def test_preview_is_text_and_never_raises(text: str) -> None:
    preview = plain(text)
    assert preview.encode().decode() == preview  # no half of a character


def test_code_may_begin_with_any_number_of_blank_lines() -> None:
    assert clean("<pre lang=en>" + "\n" * 20 + "x\n\ny</pre>") == '<pre lang="en">x\n\ny</pre>'


def test_markup_that_never_settles_becomes_plain_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sanitize_html, "_PASSES", 0)
    monkeypatch.setattr(sanitize_html, "MOST_TAGS", 50)
    unsettled = clean("<b>x &lt;i></b><script>y</script>\n\n" * 20)
    monkeypatch.undo()
    assert unsettled.startswith("<p>x &lt;i&gt;y</p><p>x")
    assert clean(unsettled) == unsettled


def test_allowed_elements_attributes_and_classes_stay() -> None:
    kept = (
        '<p class="quote-inline">RE: <span class="h-card" translate="no">x</span></p>'
        '<ol reversed="" start="3"><li value="4" lang="nl">a<br />b</li></ol>'
        "<blockquote><pre><code>c</code></pre></blockquote><ul><li>d</li></ul>"
        "<p><del>e</del><s>f</s><b>g</b><strong>h</strong><u>i</u><i>j</i><em>k</em></p>"
        "<ruby>l<rp>(</rp><rt>m</rt></ruby>"
    )
    assert clean(kept) == kept
    assert clean('<p class="p-name sheet dt-x ellipsis evil">x</p>') == (
        '<p class="p-name dt-x ellipsis">x</p>'
    )


@pytest.mark.parametrize("scheme", WEB + ELSEWHERE)
def test_schemes_that_are_allowed_are_kept(scheme: str) -> None:
    address = f"{scheme}://a.example/x?y=1&amp;z=2#f"
    assert f'href="{address}"' in clean(f'<a href="{address}">x</a>')


def test_links_get_rel_and_target_whatever_they_brought() -> None:
    assert clean('<a href="https://a.example" rel="me opener" target="_top">x</a>') == (
        '<a href="https://a.example" target="_blank" rel="nofollow noopener">x</a>'
    )


def test_rel_me_is_kept_in_profile_fields_only() -> None:
    assert 'rel="me nofollow noopener"' in clean_field(
        '<a href="https://a.example" rel="ME x">x</a>'
    )
    assert 'rel="nofollow noopener"' in clean_field('<a href="https://a.example">x</a>')


def test_headings_become_strong_paragraphs() -> None:
    assert clean('<h1 class="x">Hi</h1><H6>you</H6><hr>') == (
        "<p><strong>Hi</strong></p><p><strong>you</strong></p>"
    )


def test_long_text_is_cut_at_a_whole_character() -> None:
    long = clean("€" * MOST_BYTES)
    assert len(long.encode()) <= MOST_BYTES
    assert set(long) == {"€"}
    assert len(long) == MOST_BYTES // 3


FLOODS = ("<", "&", "<b ", "<h1 ", "<a>", "<div>", "<ul><li>", "<blockquote>", "<a><i>", "<!--")
MIXED_FLOODS = (
    "<blockquote>xxxxxxxxxxxxxxxxxxxx",
    "\ud800",
    "x\n\n",
    "<p><a><div>",
    "<b><i><u><s></p><p>x",
)


@pytest.mark.parametrize("unit", (*FLOODS, *MIXED_FLOODS, "<a href=https://a.example><object>"))
def test_flood_comes_out_within_the_limits(unit: str) -> None:
    """Linear time follows from these limits, see the module; a timed test would only flicker."""
    flooded = clean(unit * (MOST_BYTES // len(unit)))
    assert len(flooded.encode()) <= MOST_BYTES
    assert clean(flooded) == flooded
    assert faults(flooded) == []


def test_tags_are_read_up_to_the_limit() -> None:
    assert clean("<br>" * (MOST_TAGS + 5)).count("<br />") == MOST_TAGS


def test_element_with_many_attributes_is_not_reopened_for_each() -> None:
    """Elements would be made anew in every paragraph: the square of what was sent."""
    opened = "".join(f"<b a{number}>" for number in range(50))
    assert clean(f"<p>{opened}x</p><p>y").partition("y")[0].rpartition("<p>")[2] == "<b>" * 3


def test_safe_html_is_made_at_three_doors_only() -> None:
    with pytest.raises(TypeError):
        SafeHtml("<script>")
    assert isinstance(clean("x"), SafeHtml)
    assert isinstance(from_text("x"), SafeHtml)
    assert isinstance(trust("x"), SafeHtml)
    assert type(clean("x") + "<script>") is str


def test_safe_html_is_text_to_json_and_markup_to_templates() -> None:
    assert json.dumps({"content": clean("<p>é</p>")}) == '{"content": "<p>\\u00e9</p>"}'
    assert clean("<p>x</p>").__html__() == "<p>x</p>"


def test_plain_text_keeps_paragraphs_breaks_and_list_items_apart() -> None:
    markup = "<p>a &amp;<br>b</p><p>c</p><ul><li>d</li><li>e</li></ul><script>f</script>&lt;p&gt;"
    assert plain(markup) == "a &\nb\n\nc\n\nd\n\ne\n\n<p>"


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example",
        "HTTP://A.example:8001/x?y=(z)&a[]=%20#f",
        "https://bücher.example/ü",
        "http://garden.localhost:8001/@bep",
        "http://127.0.0.1:8000/media/1.png",
        "https://a.example/" + "x" * (2048 - 18),
    ],
)
def test_plain_web_address_is_returned_unchanged(url: str) -> None:
    assert safe_url(url) == url


NOT_ADDRESSES = """
    a.example ftp://a.example javascript:alert(1) data:text/html,x https:a.example https:/a.example
    https:// https:///x //a.example https://u@a.example https://u:p@a.example/ https://a.example/"
    https://a.example/<b> https://a.example\\b https://a.example:99999/ https://a.example:x/
    https://%61.example/ https://[::1/
"""
IN_ADDRESSES = '\n\x00\t\x85\u202e\u2067\u200b\xad\ud800 <>"\\'
OTHER_VALUES = (None, 1, b"https://a.example", ["https://a.example"], "", " https://a.example")


@pytest.mark.parametrize(
    "value",
    [
        *NOT_ADDRESSES.split(),
        *(f"https://a.example/{character}x" for character in IN_ADDRESSES),
        *OTHER_VALUES,
        "https://a.example/" + "x" * (2049 - 18),
    ],
    ids=repr,
)
def test_address_that_is_not_plain_web_is_refused(value: object) -> None:
    assert safe_url(value) is None


@settings(deadline=None, max_examples=200)
@given(st.one_of(st.text(), st.text().map("https://".__add__), st.integers(), st.none()))
def test_reading_an_address_never_raises(value: object) -> None:
    assert safe_url(value) in (value, None)


def test_name_is_one_line_without_tricks() -> None:
    assert line(" Bep\r\n\x00 \u202ede\u2066\tVries\u2069 ", 30) == "Bep de Vries"
    assert line("x" * 40, 30) == "x" * 30
    assert line("xy z", 3) == "xy"
    assert [line(value, 30) for value in (None, 3, ["x"], "\ud800")] == ["", "", "", "?"]


@settings(deadline=None, max_examples=200)
@given(st.text(), st.integers(0, 50))
def test_name_never_breaks_the_line_or_its_direction(text: str, most: int) -> None:
    named = line(text, most)
    assert len(named) <= most
    assert len(named.splitlines()) <= 1
    assert not re.search("[\x00-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]", named)
    assert named == line(named, most)


def test_cleaner_is_made_once() -> None:
    """Making one costs forty times as much as using it (design/PERFORMANCE.md)."""
    kept = sanitize_html._CLEANER
    clean("<p>x</p>")
    assert sanitize_html._CLEANER is kept
