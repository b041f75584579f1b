"""The poll of a `Question`: what may be chosen, until when, and how it stands."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from federation.vocabulary.json_documents import Document, moment, natural
from federation.vocabulary.sanitize_html import line, plain

MOST_OPTIONS = 20
MOST_TITLE = 300
LONGEST_MARKUP = 4_000  # of an option that is marked up
MOST_COUNT = 1 << 40


@dataclass(frozen=True, slots=True)
class Option:
    """`votes` is None where the figures are not told."""

    title: str
    votes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """`closed` when its server says that it is over; `voters` are people."""

    options: tuple[Option, ...]
    multiple: bool = False
    closes: datetime | None = None
    closed: bool = False
    voters: int | None = None
    hides: bool = False

    @property
    def titles(self) -> list[str]:
        return [option.title for option in self.options]


def parse(document: Document) -> Poll | None:
    """The poll, or None where nothing can be chosen."""
    of_many = _options(document.get("anyOf"))
    multiple, options = bool(of_many), of_many or _options(document.get("oneOf"))
    if not options:
        return None
    closed = document.get("closed")
    return Poll(
        options=tuple(options),
        multiple=multiple,
        closes=moment(document, "closed") or moment(document, "endTime"),
        closed=bool(closed),
        voters=_count(document.get("votersCount")),
    )


def _options(value: object) -> list[Option]:
    """Options to choose from; an empty list is as good as none."""
    choices = value if isinstance(value, list) else [value]
    found = [_option(choice) for choice in choices if isinstance(choice, Mapping)]
    return [option for option in found if option.title][:MOST_OPTIONS]


def _option(choice: Document) -> Option:
    """Option by its name, in whichever language; some software calls it its content."""
    replies = choice.get("replies")
    stated = replies.get("totalItems") if isinstance(replies, Mapping) else None
    title = natural(choice, "name") or plain((natural(choice, "content") or "")[:LONGEST_MARKUP])
    return Option(line(title, MOST_TITLE), _count(stated))


def _count(value: object) -> int | None:
    if isinstance(value, bool) or not isinstance(value, int):
        return None
    return min(max(value, 0), MOST_COUNT)


def render(poll: Poll, closes: str | None) -> Document:
    """Fields of a Question beside a Note's. Hidden figures are not there, instead of false ones."""
    hidden = poll.hides and not poll.closed
    rendered: dict[str, Any] = {
        "anyOf" if poll.multiple else "oneOf": [
            {"type": "Note", "name": option.title}
            if hidden
            else {
                "type": "Note",
                "name": option.title,
                "replies": {"type": "Collection", "totalItems": option.votes or 0},
            }
            for option in poll.options
        ]
    }
    if closes is not None:
        rendered |= {"endTime": closes} | ({"closed": closes} if poll.closed else {})
    if not hidden:
        rendered["votersCount"] = poll.voters or 0
    return rendered
