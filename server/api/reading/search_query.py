"""Syntax to search posts: words, "phrases", -without, and operators with a colon."""

import re
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from storage.engine.clock import milliseconds
from storage.reading.search import SearchFilter

MOST_TERMS = 32
_TERM = re.compile(
    r'(?P<minus>-?)(?:(?P<name>[a-z]{2,8}):)?(?:"(?P<phrase>[^"]*)"|(?P<word>[^\s"]+))'
)
_DAY = re.compile(r"(\d{4})(?:-(\d{1,2}))?(?:-(\d{1,2}))?", re.ASCII)
_HAS = {"media": "media", "poll": "poll", "link": "link", "embed": "link"}
_IS = {"reply": "reply", "sensitive": "sensitive"}
_WHERE = ("all", "library", "public")


@dataclass(frozen=True, slots=True)
class SearchQuery:
    """Query for posts; `by` has the people whom `from:` names: (handle, whether not by them).

    `nothing`: it asks for what cannot be, such as a thirteenth month.
    """

    wanted: SearchFilter = field(default_factory=SearchFilter)
    by: tuple[tuple[str, bool], ...] = ()
    nothing: bool = False


def parse(text: str) -> SearchQuery:
    """Read what was typed; what is no operator is a word."""
    asked = SearchQuery()
    for number, term in enumerate(_TERM.finditer(text)):
        if number >= MOST_TERMS:
            break
        negated = bool(term["minus"])
        value = term["phrase"] if term["phrase"] is not None else term["word"]
        asked = _with(asked, term["name"], value.strip(), negated)
    return asked


def _with(asked: SearchQuery, name: str | None, value: str, negated: bool) -> SearchQuery:
    wanted = asked.wanted
    if not value:
        return asked
    if name == "from":
        return replace(asked, by=(*asked.by, (value.removeprefix("@"), negated)))
    if name in ("before", "after", "during"):
        return _between(asked, name, value)
    if name in ("has", "is") and value in (known := _HAS if name == "has" else _IS):
        flag = {known[value]: not negated}
        return replace(asked, wanted=replace(wanted, **flag))  # type: ignore[arg-type]
    if name == "language":
        return replace(asked, wanted=_with_language(wanted, value.lower(), negated))
    if name == "in" and value in _WHERE and not negated:
        return replace(asked, wanted=replace(wanted, where=value))
    word = f"{name}:{value}" if name else value
    if negated:
        return replace(asked, wanted=replace(wanted, not_words=(*wanted.not_words, word)))
    return replace(asked, wanted=replace(wanted, words=(*wanted.words, word)))


def _with_language(wanted: SearchFilter, language: str, negated: bool) -> SearchFilter:
    if negated:
        return replace(wanted, not_languages=(*wanted.not_languages, language))
    return replace(wanted, languages=(*(wanted.languages or ()), language))


def _between(asked: SearchQuery, name: str, value: str) -> SearchQuery:
    span = _span(value)
    if span is None:
        return replace(asked, nothing=True)
    first, end = span
    wanted = asked.wanted
    if name != "before":
        wanted = replace(wanted, since=end if name == "after" else first)
    if name != "after":
        wanted = replace(wanted, until=first if name == "before" else end)
    return replace(asked, wanted=wanted)


def _span(value: str) -> tuple[int, int] | None:
    """The beginning, and what comes after the end, of a day, month or year; milliseconds, UTC."""
    found = _DAY.fullmatch(value)
    if found is None:
        return None
    year, month, day = (int(part) if part else None for part in found.groups())
    try:
        start = datetime(year or 0, month or 1, day or 1, tzinfo=UTC)
        if day:
            end = start + timedelta(days=1)
        elif month:
            end = (start + timedelta(days=31)).replace(day=1)
        else:
            end = start.replace(year=start.year + 1)
    except (ValueError, OverflowError):
        return None
    return milliseconds(start), milliseconds(end)
