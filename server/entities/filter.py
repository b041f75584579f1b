"""Filters as `Filter` and in their older form, and what of them a post meets as `FilterResult`."""

import re
from collections.abc import Collection
from functools import lru_cache
from typing import Any

import orjson

from server.entities.shared import optional_when
from storage import filters, visible_posts
from storage.filters import Filter, Keyword, Marked
from storage.units import Reader
from storage.visibility import Member, Viewer


def one(found: Filter) -> dict[str, Any]:
    return {
        **_named(found),
        "keywords": [keyword(one) for one in found.keywords],
        "statuses": [marked(one) for one in found.posts],
    }


def _named(found: Filter) -> dict[str, Any]:
    return {
        "id": str(found.id),
        "title": found.title,
        "context": list(found.contexts),
        "expires_at": optional_when(found.expires_at),
        "filter_action": found.action,
    }


def keyword(found: Keyword) -> dict[str, Any]:
    return {"id": str(found.id), "keyword": found.keyword, "whole_word": found.whole}


def marked(found: Marked) -> dict[str, Any]:
    return {"id": str(found.id), "status_id": str(found.post)}


def older(found: Filter, phrase: Keyword) -> dict[str, Any]:
    """As clients knew filters before 4.0: one for each phrase."""
    return {
        "id": str(phrase.id),
        "phrase": phrase.keyword,
        "context": list(found.contexts),
        "whole_word": phrase.whole,
        "expires_at": optional_when(found.expires_at),
        "irreversible": found.action == "hide",
    }


# ---- what a post meets ----


def matches(reader: Reader, viewer: Viewer, posts: Collection[int]) -> dict[int, bytes]:
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


def _results(known: list[Filter], post: int, text: str) -> list[dict[str, Any]]:
    folded = text.casefold()
    results = []
    for one in known:
        phrases = [word.keyword for word in one.keywords if _meets(word, text, folded)]
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


def _meets(word: Keyword, text: str, folded: str) -> bool:
    if word.keyword.casefold() not in folded:
        return False
    return not word.whole or _whole(word.keyword).search(text) is not None


@lru_cache(maxsize=4096)
def _whole(phrase: str) -> re.Pattern[str]:
    """The phrase as no part of a longer word, at those ends where it has a letter."""
    start = r"\b" if re.match(r"\w", phrase) else ""
    end = r"\b" if re.search(r"\w\Z", phrase) else ""
    return re.compile(f"{start}{re.escape(phrase)}{end}", re.IGNORECASE)
