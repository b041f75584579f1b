"""Posts and shares as `Status`."""

from collections.abc import Mapping, Sequence
from typing import Any

from federation import uris
from federation.addressing import visibility
from federation.sanitise import escaped
from server.entities import account as account_entity
from server.entities.shared import number, optional_when, when
from storage import actors, apps, shares, visible_posts
from storage.actors import Actor
from storage.here import Here
from storage.shares import Share
from storage.timelines import Entry
from storage.units import Reader
from storage.visibility import Member, Viewer
from storage.visible_posts import Figures, Post


def of_entries(reader: Reader, viewer: Viewer, entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """Statuses in the given order: about ten statements, however many there are."""
    known = {entry.post.id: entry.post for entry in entries}
    rendered = _of_posts(reader, viewer, list(known.values()))
    sharers = account_entity.many(
        reader, [entry.sharer for entry in entries if entry.sharer is not None]
    )
    found = []
    for entry in entries:
        status = rendered[entry.post.id]
        if entry.share is not None and entry.sharer in sharers:
            share = shares.by_id(reader, entry.share)
            if share is None:
                continue
            status = _wrapped(reader.here, share, sharers[entry.sharer], status)
        found.append(status)
    return found


def of_posts(reader: Reader, viewer: Viewer, found: Sequence[Post]) -> list[dict[str, Any]]:
    rendered = _of_posts(reader, viewer, found)
    return [rendered[post.id] for post in found]


def one(reader: Reader, viewer: Viewer, post: Post) -> dict[str, Any]:
    return of_posts(reader, viewer, [post])[0]


def of_share(reader: Reader, viewer: Viewer, share: Share, post: Post) -> dict[str, Any]:
    sharer = account_entity.many(reader, [share.actor])
    return _wrapped(reader.here, share, sharer[share.actor], one(reader, viewer, post))


def _wrapped(
    here: Here, share: Share, sharer: dict[str, Any], status: dict[str, Any]
) -> dict[str, Any]:
    """A share is a status of its own, with the original inside and none of its words."""
    empty: dict[str, Any] = {
        "content": "",
        "media_attachments": [],
        "mentions": [],
        "tags": [],
        "spoiler_text": "",
        "in_reply_to_id": None,
        "in_reply_to_account_id": None,
        "edited_at": None,
    }
    return {
        **status,
        **empty,
        "id": str(share.id),
        "uri": share.uri,
        "url": status["url"],
        "created_at": when(share.published_at),
        "account": sharer,
        "reblog": status,
    }


def _of_posts(reader: Reader, viewer: Viewer, found: Sequence[Post]) -> dict[int, dict[str, Any]]:
    ids = [post.id for post in found]
    parents = visible_posts.parent_authors(reader, viewer, ids)
    mentions, tags = _mentions(reader, ids), _tags(reader, ids)
    people = account_entity.many(reader, [post.author for post in found])
    figures = visible_posts.figures(reader, viewer, ids)
    written_with = _applications(reader, found)
    return {
        post.id: {
            **_words(reader.here, post, people[post.author]["username"]),
            "account": people[post.author],
            **_answered(post, parents),
            "mentions": mentions.get(post.id, []),
            "tags": tags.get(post.id, []),
            "application": written_with.get(post.application or 0),
            **_counted(figures[post.id]),
            **_own(viewer, post, figures[post.id]),
        }
        for post in found
        if post.author in people
    }


def _words(here: Here, post: Post, author: str) -> dict[str, Any]:
    title = f"<p><strong>{escaped(post.title)}</strong></p>" if post.type == "Article" else ""
    return {
        "id": str(post.id),
        "created_at": when(post.published_at),
        "sensitive": post.sensitive,
        "spoiler_text": post.spoiler,
        "visibility": visibility(post.kind, post.listed),
        "language": post.language,
        "uri": post.uri,
        "url": uris.post_page(here, author, post.id) if post.local else post.url or post.uri,
        "content": title + post.content,
        "edited_at": optional_when(post.edited_at),
        "reblog": None,
        "media_attachments": [],
        "emojis": [],
        "card": None,
        "poll": None,
        "quote": None,
        "local_only": post.local_only,
    }


def _answered(post: Post, parents: Mapping[int, int]) -> dict[str, Any]:
    """What it answers, and whom; hidden from those who may not see that (SECURITY 77)."""
    author = parents.get(post.id)
    return {
        "in_reply_to_id": number(post.in_reply_to if author else None),
        "in_reply_to_account_id": number(author),
    }


def _counted(figures: Figures) -> dict[str, Any]:
    return {
        "replies_count": figures.replies,
        "reblogs_count": figures.shares,
        "favourites_count": figures.likes,
        "quotes_count": 0,
    }


def _own(viewer: Viewer, post: Post, figures: Figures) -> dict[str, Any]:
    """What only a member's token shows (conventions.md, Requests)."""
    if not isinstance(viewer, Member):
        return {}
    own: dict[str, Any] = {
        "favourited": figures.liked,
        "reblogged": figures.shared,
        "bookmarked": figures.bookmarked,
        "muted": False,
        "filtered": [],
    }
    return own | ({"pinned": False} if viewer.actor == post.author else {})


def _mentions(reader: Reader, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    named = visible_posts.mentioned(reader, ids)
    people = actors.many(reader, [actor for _, actor in named])
    found: dict[int, list[dict[str, Any]]] = {}
    for post, actor in named:
        if actor in people:
            found.setdefault(post, []).append(_mention(reader.here, people[actor]))
    return found


def _mention(here: Here, actor: Actor) -> dict[str, Any]:
    return {
        "id": str(actor.id),
        "username": actor.name,
        "url": account_entity.page_of(here, actor),
        "acct": actor.acct,
    }


def _tags(reader: Reader, ids: Sequence[int]) -> dict[int, list[dict[str, Any]]]:
    found: dict[int, list[dict[str, Any]]] = {}
    for post, name in visible_posts.tagged(reader, ids):
        tag = {"name": name, "url": uris.tag_page(reader.here, name)}
        found.setdefault(post, []).append(tag)
    return found


def _applications(reader: Reader, found: Sequence[Post]) -> dict[int, dict[str, Any]]:
    """The app that a post of ours was written with."""
    known = apps.many(reader, [post.application for post in found if post.application])
    return {id_: {"name": app.name, "website": app.website} for id_, app in known.items()}
