"""Markup of what a member wrote: pure functions from plain text to content.

The forms are those clients look for (design/mastodon-api/conventions.md, "HTML in content"). All
scanning is linear: in each expression no two neighbouring parts share a character, repeats that
could be tried in several ways are possessive, and a text that one mark (`@`, `#`, `http`) made us
read ends at the next such mark, so nothing is read more than twice.
"""

import asyncio
import re
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from html import escape
from itertools import groupby
from typing import Final, TypedDict

from federation.vocabulary.sanitize_html import (
    SafeHtml,
    escape_markup,
    paragraphs_of,
    printable,
    safe_url,
    trust,
)

CHARACTERS_PER_URL: Final = 23
MOST_IN_PLACE: Final = 4096  # characters, which take some milliseconds at worst
_SHOWN_OF_LINK: Final = 30


def _marks() -> str:
    r"""Combining marks as ranges of a character class; `\w` leaves them out (Hindi, Thai, …)."""
    planes = (*range(0x0300, 0x1E00), *range(0x2CEF, 0x3100), *range(0xA66F, 0xABEE))
    beyond = (*range(0xFE20, 0xFE30), *range(0x10A01, 0x12000), *range(0x1E000, 0x1E94B))
    marks = [at for at in planes + beyond if unicodedata.category(chr(at)) in ("Mn", "Mc")]
    runs = (list(run) for _, run in groupby(enumerate(marks), lambda pair: pair[1] - pair[0]))
    return "".join(f"{chr(run[0][1])}-{chr(run[-1][1])}" for run in runs)


_MARKS: Final = _marks()
_WORD: Final = rf"[\w{_MARKS}]"
# Points that join words of a tag: Catalan, Japanese, and the non-joiner of Persian.
_JOINT: Final = "[\u00b7\u30fb\u200c]"
# Python before 3.11.5 forgets where a possessive group began (gh-106052), so only single characters
# are possessive here; what follows a group keeps it from giving back what it took.
_HOST: Final = rf"{_WORD}++(?:[.-]++{_WORD}++)*(?![.-]++{_WORD})"

# Blanks, what stands around an address, and what no address may have in it (`safe_url`).
_ENDS_URL: Final = (
    r'\s<>"`\\\x00-\x20\x7f-\x9f\xad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff'
    "\u00ab\u00bb\u2018-\u201f\u2039\u203a"  # quotation marks
    "\u3000-\u3004\u3008-\u3020\u3030\u303d"  # punctuation of Chinese and Japanese
    "\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"  # the same in full width
)

_URL: Final = rf"""
    [hH](?<![A-Za-z0-9@$\#_][hH])[tT][tT][pP][sS]?+://
    (?P<host>{_HOST})(?!@|:[^\s/?\#@]*+@)(?::[0-9]{{1,5}}+(?![0-9]))?
    (?:[/?\#][^{_ENDS_URL}]*+)?+
"""
# Ports have four or five digits, so that in "ask @bep@garden.example:30 past" there is none: they
# are for development, where servers have such ports.
_MENTION: Final = rf"""
    @(?<![\w{_MARKS}/]@)(?<![\w{_MARKS}]\.@)
    (?P<name>[A-Za-z0-9_]++(?:[.-]++[A-Za-z0-9_]++)*)
    (?:@(?P<domain>{_HOST}(?::[1-9][0-9]{{3,4}}+(?!\w))?))?
"""
_TAG: Final = rf"[\#＃](?<![\w{_MARKS}/][\#＃])(?P<tag>{_WORD}++(?:{_JOINT}++{_WORD}++)*)"
_TOKEN: Final = re.compile(f"(?P<url>{_URL})|(?P<mention>{_MENTION})|{_TAG}", re.VERBOSE)

# Roughly UAX 29: what a reader takes for one character. Sixteen parts at most, so that nobody
# hides a page behind one letter.
_SEEN: Final = re.compile(
    "(?:[\U0001f1e6-\U0001f1ff]{2}|.)"
    f"(?:\u200d[\u2190-\u2bff\U0001f000-\U0001faff]|[{_MARKS}\u200c\u200d\u20d0-\u20ff\u1160-\u11ff"
    "\U0001f3fb-\U0001f3ff\ufe00-\ufe0f\U000e0020-\U000e007f\U000e0100-\U000e01ef]){0,16}",
    re.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Handle:
    """Handle in a mention, in lower case; without domain it is somebody of our own."""

    name: str
    domain: str | None


@dataclass(frozen=True, slots=True)
class Mentioned:
    """A known actor that a handle stands for: name as they write it, page for people."""

    name: str
    domain: str | None
    url: str


@dataclass(frozen=True, slots=True)
class _Token:
    """A stretch of text that is more than text."""

    start: int
    end: int
    url: str | None = None
    mention: Handle | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class _Linker:
    """Links that tokens become in one text."""

    mentions: Mapping[Handle, Mentioned]
    tag_url: Callable[[str], str]
    ambiguous: frozenset[str]
    rel: str


def find_mentions(text: str) -> list[Handle]:
    """Find who is mentioned, in order, each once; nobody inside a web address."""
    named = (token.mention for token in _tokens(printable(text)))
    return list(dict.fromkeys(filter(None, named)))


def find_hashtags(text: str) -> list[str]:
    """Find the hashtags as written, without `#`, in order, each once whatever its case."""
    first: dict[str, str] = {}
    for token in _tokens(printable(text)):
        if token.tag:
            first.setdefault(token.tag.casefold(), token.tag)
    return list(first.values())


def length(text: str) -> int:
    """Count characters as clients do: a web address is 23, a mention goes without its domain."""
    text = printable(text)
    counted, at = 0, 0
    for token in _tokens(text):
        counted += _count_seen(text[at : token.start])
        counted += CHARACTERS_PER_URL if token.url else _count(token, text)
        at = token.end
    return counted + _count_seen(text[at:])


async def measure(*texts: str) -> int:
    """The length of all of them; of long ones in a thread, since a form may hold 64 kB of them."""
    if sum(map(len, texts)) <= MOST_IN_PLACE:
        return sum(map(length, texts))
    return sum([await asyncio.to_thread(length, text) for text in texts])


class Linking(TypedDict):
    """Links for the handles and hashtags of a text."""

    mentions: Mapping[Handle, Mentioned]
    tag_url: Callable[[str], str]


def render(
    text: str, *, mentions: Mapping[Handle, Mentioned], tag_url: Callable[[str], str]
) -> SafeHtml:
    """Make the content of a post: paragraphs, breaks, and links for addresses, people and tags.

    A handle that is not in `mentions` stays text. `tag_url` is given the tag in lower case, not
    percent-encoded. There is no newline in the result. Cleaning leaves it as it is, but for the
    `target` and `rel` it adds to links of mentions and hashtags.
    """
    linker = _linker(text, mentions, tag_url, rel="nofollow noopener")
    paragraphs = ("<br />".join(_mark_up(line, linker) for line in p) for p in paragraphs_of(text))
    return trust("".join(f"<p>{paragraph}</p>" for paragraph in paragraphs))


def render_note(
    text: str, *, mentions: Mapping[Handle, Mentioned], tag_url: Callable[[str], str]
) -> SafeHtml:
    """Make the note of a profile, by the rules for a post."""
    return render(text, mentions=mentions, tag_url=tag_url)


def render_field(
    value: str, *, mentions: Mapping[Handle, Mentioned], tag_url: Callable[[str], str]
) -> SafeHtml:
    """Make the value of a profile field: one line, no paragraph, links marked as one's own."""
    linker = _linker(value, mentions, tag_url, rel="me nofollow noopener")
    return trust(_mark_up(" ".join(printable(value).split()), linker))


def _tokens(text: str) -> Iterator[_Token]:
    return filter(None, map(_token, _TOKEN.finditer(text)))


def _token(match: re.Match[str]) -> _Token | None:
    """Read a match; None if it only looked like something."""
    if match["url"]:
        return _url_token(match)
    if match["mention"]:
        domain = match["domain"]
        handle = Handle(match["name"].lower(), domain.lower() if domain else None)
        return _Token(match.start(), match.end(), mention=handle)
    if any(map(str.isalpha, match["tag"])):
        return _Token(match.start(), match.end(), tag=match["tag"])
    return None


def _url_token(match: re.Match[str]) -> _Token | None:
    url = _without_punctuation(
        _without_emphasis(match["url"], match.string[max(0, match.start() - 3) : match.start()])
    )
    host = match["host"]
    if ("." in host or host.lower() == "localhost") and safe_url(url):
        return _Token(match.start(), match.start() + len(url), url=url)
    return None


def _without_emphasis(url: str, before: str) -> str:
    """Leave out what is put around an address: **https://a.example/x**."""
    mark = before[-1:]
    if not mark or mark not in "*_~":
        return url
    around = len(before) - len(before.rstrip(mark))
    end = url.rstrip("?!.,:;")
    return end.removesuffix(mark * around) if end.endswith(mark * around) else url


def _without_punctuation(url: str) -> str:
    """Leave out what ends the sentence, and closing brackets that were not opened inside."""
    surplus = {shut: url.count(shut) - url.count(opened) for opened, shut in ("()", "[]")}
    end = len(url)
    while True:
        last = url[end - 1]
        if last in surplus and surplus[last] > 0:
            surplus[last] -= 1
        elif last not in "?!.,:;'([…":
            return url[:end]
        end -= 1


def _count_seen(text: str) -> int:
    return len(text) if text.isascii() else len(_SEEN.findall(text))


def _count(token: _Token, text: str) -> int:
    """Count a mention or a hashtag."""
    if token.mention:
        return 1 + len(token.mention.name)
    return _count_seen(text[token.start : token.end])


def _linker(
    text: str, mentions: Mapping[Handle, Mentioned], tag_url: Callable[[str], str], rel: str
) -> _Linker:
    people = {mentions[handle] for handle in find_mentions(text) if handle in mentions}
    names = Counter(person.name.lower() for person in people)
    shared = frozenset(name for name, count in names.items() if count > 1)
    return _Linker(mentions, tag_url, shared, rel)


def _mark_up(line: str, linker: _Linker) -> str:
    parts, at = [], 0
    for token in _tokens(line):
        parts.append(_text(line[at : token.start]))
        parts.append(_link(token, linker) or _text(line[token.start : token.end]))
        at = token.end
    return "".join((*parts, _text(line[at:])))


def _text(text: str) -> str:
    """Escape as the cleaner does, which leaves quotes outside of attributes alone."""
    return escape(text, quote=False)


def _link(token: _Token, linker: _Linker) -> str | None:
    if token.url:
        return _web_link(token.url, linker.rel)
    if token.mention:
        return _mention_link(linker.mentions.get(token.mention), linker.ambiguous)
    tag = token.tag or ""
    url = escape_markup(linker.tag_url(tag.lower()))
    return f'<a href="{url}" class="mention hashtag" rel="tag">#<span>{_text(tag)}</span></a>'


def _web_link(url: str, rel: str) -> str:
    scheme, separator, address = url.partition("://")
    shown, rest = address[:_SHOWN_OF_LINK], address[_SHOWN_OF_LINK:]
    middle = "<span" + (' class="ellipsis"' if rest else "") + f">{_text(shown)}</span>"
    return (
        f'<a href="{escape_markup(url)}" target="_blank" rel="{rel}" translate="no">'
        f'<span class="invisible">{scheme}{separator}</span>{middle}'
        f'<span class="invisible">{_text(rest)}</span></a>'
    )


def _mention_link(person: Mentioned | None, ambiguous: frozenset[str]) -> str | None:
    if person is None or safe_url(person.url) is None:
        return None
    domain = f"@{person.domain}" if person.domain and person.name.lower() in ambiguous else ""
    return (
        f'<span class="h-card" translate="no"><a href="{escape_markup(person.url)}"'
        f' class="u-url mention">@<span>{_text(person.name + domain)}</span></a></span>'
    )
