"""Filters as `Filter` and in their older form, and what of them a post meets as `FilterResult`."""

import re
from collections.abc import Collection
from itertools import islice

import orjson

from server.entities import shapes
from server.entities.shared import optional_when
from storage.engine.ids import PostId
from storage.engine.transaction import Reader
from storage.posts import visible_posts
from storage.posts.visibility import Member, Viewer
from storage.reading import filters
from storage.reading.filters import Filter, Keyword, Marked

MOST_MATCHES = 10  # phrases named of one filter; that there is one is what counts
MOST_PLACES = 50  # where one phrase is looked at in one post

_WORDS = re.compile(r"\w+")
_INSIDE = re.compile(r"\w\w")


def one(found: Filter) -> shapes.Filter:
    return {
        **_named(found),
        "keywords": [keyword(one) for one in found.keywords],
        "statuses": [filter_status(one) for one in found.posts],
    }


def _named(found: Filter) -> shapes.FilterBase:
    return {
        "id": str(found.id),
        "title": found.title,
        "context": list(found.contexts),
        "expires_at": optional_when(found.expires_at),
        "filter_action": found.action,
    }


def keyword(found: Keyword) -> shapes.FilterKeyword:
    return {"id": str(found.id), "keyword": found.keyword, "whole_word": found.whole}


def filter_status(found: Marked) -> shapes.FilterStatus:
    return {"id": str(found.id), "status_id": str(found.post)}


def older(found: Filter, phrase: Keyword) -> shapes.V1Filter:
    """Filter as clients knew it before 4.0: one for each phrase."""
    return {
        "id": str(phrase.id),
        "phrase": phrase.keyword,
        "context": list(found.contexts),
        "whole_word": phrase.whole,
        "expires_at": optional_when(found.expires_at),
        "irreversible": found.action == "hide",
    }


# ---- what a post meets ----


def matches(reader: Reader, viewer: Viewer, posts: Collection[PostId]) -> dict[PostId, bytes]:
    """FilterResults as JSON, by the number of the post, of those that meet a filter in force.

    Whether and where it is shown nevertheless is the client's affair, by context.
    """
    if not (isinstance(viewer, Member) and posts):
        return {}
    known = filters.in_force(reader, viewer.actor)
    if not known:
        return {}
    texts = visible_posts.texts(reader, list(posts))
    met = {post: _results(known, post, texts.get(post, "")) for post in posts}
    return {post: orjson.dumps(results) for post, results in met.items() if results}


def _results(known: list[Filter], post: PostId, text: str) -> list[shapes.FilterResult]:
    said = _Said(text.casefold())
    results: list[shapes.FilterResult] = []
    for one in known:
        met = (word.keyword for word in one.keywords if said.has(word))
        phrases = list(islice(met, MOST_MATCHES))
        single = any(marked.post == post for marked in one.posts)
        if phrases or single:
            results.append(
                {
                    "filter": _named(one),
                    "keyword_matches": phrases or None,
                    "status_matches": [str(post)] if single else None,
                }
            )
    return results


class _Said:
    """The folded text of one post, to look for many phrases in: no pattern is made for any."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._words = frozenset(_WORDS.findall(text))

    def has(self, word: Keyword) -> bool:
        phrase = word.keyword.casefold()
        if not word.whole:
            return phrase in self._text
        if _WORDS.fullmatch(phrase):
            return phrase in self._words
        return self._has_apart(phrase)

    def _has_apart(self, phrase: str) -> bool:
        """Find the phrase as no part of longer words, at those ends where it has a letter."""
        text, at = self._text, -1
        for _ in range(MOST_PLACES):
            at = text.find(phrase, at + 1)
            if at < 0:
                return False
            end = at + len(phrase)
            before, after = text[max(at - 1, 0) : at + 1], text[end - 1 : end + 1]
            if not (_INSIDE.fullmatch(before) or _INSIDE.fullmatch(after)):
                return True
        return False
