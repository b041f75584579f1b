"""Remote HTML made safe: the only module whose markup is rendered unescaped (SECURITY F50–F53).

Cleaning takes time linear in the length of the text, for these reasons:

- at most `MOST_BYTES` are looked at, and at most `MOST_TAGS` tags, because the tree builder walks
  up the open elements at each tag (100 kB of `<ul><li>` took over a second without this limit);
- elements that HTML reopens in each new paragraph lose their attributes before the tree is built,
  so that at most three of a kind are reopened (HTML §13.2.4.3); with attributes every single one
  is, and 12 kB became 7 MB;
- a result that is too long is made again from half the text, so all rounds cost twice the first;
- the regular expressions below have no two parts that could share the same characters.
"""

import html as stdlib_html
import re
from collections.abc import Mapping
from functools import lru_cache
from itertools import pairwise
from typing import Final, Self

import nh3

from federation.errors import Malformed
from federation.transport.urls import origin_of

MOST_BYTES: Final = 100_000
MOST_TAGS: Final = 4_000
MOST_URL: Final = 2_048
_PASSES: Final = 6  # two settle anything honest; crossed elements can need more

_INLINE: Final = ("a", "b", "br", "code", "del", "em", "i", "s", "span", "strong", "u")
_TAGS: Final = {*_INLINE, "p", "pre", "blockquote", "ul", "ol", "li", "ruby", "rt", "rp"}
_ATTRIBUTES: Final = {
    "a": {"href", "rel", "class", "translate"},
    "span": {"class", "translate"},
    "ol": {"start", "reversed"},
    "li": {"value"},
    "p": {"class"},
    "*": {"lang"},
}
_OTHER_SCHEMES: Final = frozenset(
    ("dat", "dweb", "ipfs", "ipns", "ssb", "gopher", "xmpp", "magnet", "gemini")
)

# All that XML 1.0 cannot carry, and C1: some of our readers are feeds.
_CONTROLS: Final = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ufdd0-\ufdef\ufffe\uffff]")
_BIDI: Final = re.compile("[\u202a-\u202e\u2066-\u2069]")
_NOT_IN_URL: Final = re.compile(
    '[\\s\x00-\x20\xad\x7f-\x9f\\\\"<>\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]'
)
_PERCENT: Final = {ord(character): f"%{ord(character):02X}" for character in ' "<>'}
_CLASS: Final = re.compile(
    r"(?:h|p|u|dt|e)-[a-z0-9-]{1,40}|mention|hashtag|ellipsis|invisible|quote-inline"
)
_VALUES: Final = {
    "lang": re.compile(r"[A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8}){0,4}"),
    "translate": re.compile("yes|no"),
    "start": re.compile("-?[0-9]{1,9}"),
    "value": re.compile("-?[0-9]{1,9}"),
    "reversed": re.compile(""),
}

_TAG: Final = re.compile("<[A-Za-z/]")
# The > may be missing: otherwise each unfinished tag would be read to the end of the text.
_REOPENED: Final = re.compile(
    r"<(b|big|code|em|font|i|nobr|s|small|strike|strong|tt|u)(?=[\s/])[^>]*>?", re.IGNORECASE
)
_HEADING: Final = re.compile(r"<(/?)h[1-6](?=[\s/>])[^>]*>?", re.IGNORECASE)
_HEADING_AS: Final = {"": "<p><strong>", "/": "</strong></p>"}

# Blocks that are taken away leave a break, so that no words are glued together. The mark is no
# character that text may have.
_BLOCK: Final = re.compile(
    r"</?(?:address|article|aside|body|button|caption|center|dd|details|dialog|dir|div|dl|dt"
    r"|fieldset|figcaption|figure|footer|form|header|hgroup|hr|label|legend|main|menu|nav|optgroup"
    r"|option|search|section|summary|table|tbody|td|tfoot|th|thead|title|tr)(?=[\s/>])[^>]*>?",
    re.IGNORECASE,
)
_BREAK: Final = "\ufdd0"
_BREAKS: Final = re.compile(f"(?:\\s*{_BREAK})+\\s*")
_EDGE: Final = re.compile("<br ?/?>|</?(?:p|pre|blockquote|ul|ol|li)(?: [^>]*)?>")

# These read what nh3 wrote, in which no attribute and no text holds < or >.
_LINK: Final = re.compile("<a( [^>]*)?>")
# Parsing drops the first newline in a pre each time (HTML §13.2.6.4.7), so none is left to drop.
_BLANK_BEFORE: Final = re.compile("(<pre(?: [^>]*)?>)\n+")
_WRITTEN_ATTRIBUTE: Final = re.compile(' ([a-z]+)="([^"]*)"')
_LINK_ORDER: Final = ("href", "class", "target", "rel", "translate", "lang")

_LINE_END: Final = re.compile("<br />|</?(?:li|blockquote|ul|ol|pre)(?: [^>]*)?>")
_PARAGRAPH_END: Final = re.compile("</p>")
_ANY_TAG: Final = re.compile("<[^>]*>")
_TAG_OR_TEXT: Final = re.compile("<[^>]*>|[^<]+")
_PRIVATE: Final = object()

# A colon that belongs to a word or a time ("12:30:45") begins no emoji.
SHORTCODES: Final = re.compile(r"(?<![A-Za-z0-9:]):([A-Za-z0-9_]{1,64}):(?![A-Za-z0-9:])")


class SafeHtml(str):
    """Markup that may be sent as it is; made by `clean`, `from_text` and `trusted` only."""

    __slots__ = ()

    def __new__(cls, markup: str, http_client: object = None) -> Self:
        """Refuse anybody but this module, so that no other one can declare a text safe."""
        if http_client is not _PRIVATE:
            raise TypeError("SafeHtml is made by clean, from_text or trusted")
        return super().__new__(cls, markup)

    def __html__(self) -> str:
        """Tell templates (markupsafe) that this is not to be escaped again."""
        return str(self)


def clean(html: str) -> SafeHtml:
    """Make remote content safe by the allow list of design/mastodon-api/conventions.md.

    Never raises; cleaning twice gives what cleaning once gives. Too long a text is cut, and links
    get `rel="nofollow noopener" target="_blank"`. Line breaks are written `<br />`.
    """
    return SafeHtml(_clean_until_stable(html, for_field=False), _PRIVATE)


def clean_field(html: str) -> SafeHtml:
    """Make the value of a remote profile field safe: as `clean`, but a link's `rel="me"` stays."""
    return SafeHtml(_clean_until_stable(html, for_field=True), _PRIVATE)


def from_text(text: str) -> SafeHtml:
    """Plain text as paragraphs, everything in it escaped; a fixed point of `clean`."""
    paragraphs = paragraphs_of(text)
    return SafeHtml("".join(f"<p>{_lines(p)}</p>" for p in paragraphs), _PRIVATE)


def from_line(text: str) -> SafeHtml:
    """Plain text as it stands within a line of markup, everything in it escaped."""
    return SafeHtml(escape_markup(text), _PRIVATE)


def trust(text: str) -> SafeHtml:
    """Call markup safe without looking at it.

    For two callers only: whoever reads back from our own database what was cleaned before it was
    stored, and server/actions/posts/markup.py, which builds markup out of escaped parts.
    """
    return SafeHtml(text, _PRIVATE)


def with_emoji(html: SafeHtml, pictures: Mapping[str, str]) -> SafeHtml:
    """Markup with a picture for each `:shortcode:` of these in its text, never inside a tag.

    `pictures` has a path on this host, or a web address, by shortcode; others stay as they are.
    """
    if not pictures:
        return html
    parts = _TAG_OR_TEXT.findall(html)
    drawn = (part if part.startswith("<") else _draw(part, pictures) for part in parts)
    return SafeHtml("".join(drawn), _PRIVATE)


def _draw(text: str, pictures: Mapping[str, str]) -> str:
    return SHORTCODES.sub(lambda found: _emoji(found[1], pictures) or found[0], text)


def _emoji(shortcode: str, pictures: Mapping[str, str]) -> str | None:
    path = pictures.get(shortcode)
    if path is None:
        return None
    return (
        f'<img class="emoji" src="{escape_markup(path)}" alt=":{shortcode}:" title=":{shortcode}:"'
        ' width="20" height="20">'
    )


def plain(html: str) -> str:
    """HTML as plain text: a blank line after a paragraph, a new line at a break or a list item."""
    markup = html if isinstance(html, SafeHtml) else clean(html)
    lined = _PARAGRAPH_END.sub("\n\n", _LINE_END.sub("\n", markup))
    text = stdlib_html.unescape(_ANY_TAG.sub("", lined))
    return "\n\n".join("\n".join(lines) for lines in paragraphs_of(text))


def safe_url(value: object) -> str | None:
    """Return `value` unchanged if it is a plain web address that may be shown and linked.

    http or https with a host, at most 2,048 characters; no blanks, control or invisible
    characters, no backslash, quote or angle bracket, no user information; a host that all
    parsers read alike (SECURITY F52, B15).
    """
    if not isinstance(value, str) or len(value) > MOST_URL or _NOT_IN_URL.search(value):
        return None
    return value if _has_host(value) else None


def web_address(value: object) -> str | None:
    """Web address as somebody typed it, encoded where it has to be; None where it is none.

    For fields that only help: pictures, pages, links. What names something is read by `safe_url`.
    """
    if not isinstance(value, str) or len(value) > MOST_URL:
        return None
    return safe_url(value.strip().translate(_PERCENT))


@lru_cache(maxsize=1024)
def _has_host(url: str) -> bool:
    """Whether the URL has an origin; remembered, as every link is looked at twice or more."""
    try:
        origin_of(url)
    except Malformed:
        return False
    return True


def line(text: object, most: int) -> str:
    """Return a name or title as one line of at most `most` characters, "" if it is not text.

    Control characters and bidirectional overrides go, and blanks of any kind become one space.
    """
    if not isinstance(text, str):
        return ""
    # Cut once before, so that a huge name costs little, and once after, for the exact length.
    folded = " ".join(_encodable(text[: most * 16]).split())
    stripped = " ".join(_BIDI.sub("", _CONTROLS.sub("", folded)).split())
    return stripped[:most].rstrip()


def paragraphs_of(text: str) -> list[list[str]]:
    """Split plain text into paragraphs (blank lines between them) of lines without line ends."""
    paragraphs: list[list[str]] = [[]]
    for written in printable(text).split("\n"):
        if kept := written.rstrip():
            paragraphs[-1].append(kept)
        elif paragraphs[-1]:
            paragraphs.append([])
    return [lines for lines in paragraphs if lines]


def printable(text: str) -> str:
    r"""Text with `\n` as its only line end and without control characters and lone surrogates."""
    return _CONTROLS.sub("", _encodable(text).replace("\r\n", "\n").replace("\r", "\n"))


def escape_markup(text: str) -> str:
    """Text as it stands in markup, outside or inside a double-quoted attribute."""
    return stdlib_html.escape(text, quote=False).replace('"', "&quot;")


def _lines(lines: list[str]) -> str:
    return "<br />".join(stdlib_html.escape(written, quote=False) for written in lines)


def _encodable(text: str) -> str:
    """JSON may hold lone surrogates, which no UTF-8 can carry."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _truncate(markup: str) -> str:
    """Keep the first `MOST_BYTES` of UTF-8, whole characters, and the first `MOST_TAGS` tags."""
    if len(markup) * 4 > MOST_BYTES:
        markup = markup.encode()[:MOST_BYTES].decode("utf-8", "ignore")
    if markup.count("<") > MOST_TAGS:
        for seen, tag in enumerate(_TAG.finditer(markup)):
            if seen == MOST_TAGS:
                return markup[: tag.start()]
    return markup


def _clean_until_stable(html: str, *, for_field: bool) -> str:
    """Clean until nothing changes: taking an element out can change how the rest is nested."""
    markup = printable(html[:MOST_BYTES])
    for _ in range(_PASSES):
        once = _limit(markup, for_field=for_field)
        if once == markup:
            return once
        markup = once
    # Short enough that its paragraphs, too, stay below the limits.
    return from_text(stdlib_html.unescape(_ANY_TAG.sub("", markup))[: MOST_TAGS // 2])


def _limit(markup: str, *, for_field: bool) -> str:
    markup = _truncate(markup)
    while len((result := _pass(markup, for_field=for_field)).encode()) > MOST_BYTES:
        markup = markup[: len(markup) // 2]
    return result


def _pass(markup: str, *, for_field: bool) -> str:
    lighter = _HEADING.sub(lambda tag: _HEADING_AS[tag[1]], _REOPENED.sub(r"<\1>", markup))
    written = _with_breaks(_CLEANER.clean(_BLOCK.sub(_BREAK, lighter)))
    # A text's own ampersand is written &amp;, so neither of these can be anything else.
    even = written.replace("&nbsp;", "\xa0").replace("<br>", "<br />")
    linked = _LINK.sub(lambda tag: _link(tag[1] or "", for_field=for_field), even)
    return _BLANK_BEFORE.sub(r"\1", printable(linked))


def _with_breaks(written: str) -> str:
    """Put a break where a block was, unless one block ends or begins there all the same."""
    if _BREAK not in written:
        return written
    parts = [part for part in _BREAKS.split(written) if part.strip()]
    between = ("" if _is_edge(*pair) else "<br>" for pair in pairwise(parts))
    return "".join(part for pair in zip(parts, (*between, ""), strict=False) for part in pair)


def _is_edge(before: str, after: str) -> bool:
    return bool(
        _EDGE.fullmatch(before[before.rfind("<") :].rstrip()) or _EDGE.match(after.lstrip())
    )


def _link(attributes: str, *, for_field: bool) -> str:
    """Write a link's attributes anew, in one order, with the two that every link must have."""
    found = dict(_WRITTEN_ATTRIBUTE.findall(attributes))
    mine = for_field and "rel" in found
    found |= {"rel": "me nofollow noopener" if mine else "nofollow noopener", "target": "_blank"}
    return "<a" + "".join(f' {name}="{found[name]}"' for name in _LINK_ORDER if name in found) + ">"


def _attribute(_element: str, name: str, value: str) -> str | None:
    """Return the value an allowed attribute may have, None to leave it out; called by nh3."""
    if name == "href":
        return _href(value)
    if name == "class":
        return " ".join(word for word in value.split() if _CLASS.fullmatch(word)) or None
    if name == "rel":
        return "me" if "me" in value.lower().split() else None
    # nh3 asks about elements it leaves out, too, so any name can come.
    form = _VALUES.get(name)
    return value if form and form.fullmatch(value) else None


def _href(value: str) -> str | None:
    """Return an address a link in content may have; never one that is relative to our own."""
    address = value.strip().translate(_PERCENT)
    scheme, colon, _ = address.partition(":")
    if scheme.lower() in _OTHER_SCHEMES and colon:
        return None if len(address) > MOST_URL or _NOT_IN_URL.search(address) else address
    return safe_url(address)


_CLEANER: Final = nh3.Cleaner(
    tags=_TAGS,
    clean_content_tags={"script", "style", "template", "title", "iframe", "noembed", "noframes"},
    attributes=_ATTRIBUTES,
    attribute_filter=_attribute,
    link_rel=None,  # _link writes it
    url_schemes={"http", "https", *_OTHER_SCHEMES},
    url_relative="deny",
)
