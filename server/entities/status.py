"""Posts and boosts as `Status`.

What all viewers see alike is cached as bytes: the text of a post, and its author's account. What
depends on the viewer is put after them. Who may see a post, and which version of it is the newest,
is asked of the database each time.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache

import orjson

from federation.transport.urls import host_of
from federation.vocabulary import media_urls, uris
from federation.vocabulary.addressing import visibility
from federation.vocabulary.sanitize_html import escape_markup
from server.entities import account as account_entity
from server.entities import emoji as emoji_entity
from server.entities import filter as filter_entity
from server.entities import media as media_entity
from server.entities import poll as poll_entity
from server.entities import quote as quote_entity
from server.entities import shapes
from server.entities.json_parts import Rendered, join, member, members
from server.entities.shared import number, optional_when, when
from storage.access import oauth
from storage.engine.ids import PostId
from storage.engine.site import Site
from storage.engine.transaction import Reader
from storage.media import attachments
from storage.media.attachments import Media
from storage.people import account_counts, actors
from storage.people.actors import Actor
from storage.posts import boosts, visible_posts
from storage.posts.boosts import Boost
from storage.posts.visibility import Member, Viewer
from storage.posts.visible_posts import Post, Revision, StatusCounts, StatusRow
from storage.reading.timelines import Line

StatusRows = Mapping[PostId, StatusRow]

SLICE = 100  # posts that are shown in one go
_TAILS = 4096  # different ends of a status that are remembered

# A boost has none of the words of what it boosts: that is inside it.
_SILENT: Mapping[str, object] = {
    "content": "",
    "media_attachments": [],
    "mentions": [],
    "tags": [],
    "spoiler_text": "",
    "edited_at": None,
    "poll": None,
    "quote": None,
}
_UNFILTERED = b"[]"
_NOTHING_BESIDE = members({"poll": None, "quote": None})


def of_lines(reader: Reader, viewer: Viewer, lines: Sequence[Line]) -> list[Rendered]:
    """Statuses in the given order; one statement for all that is kept, ten where something is not.

    A post that the viewer may not see is left out.
    """
    rows = visible_posts.status_rows(reader, viewer, [line.post for line in lines])
    filtered = filter_entity.matches(reader, viewer, rows)
    statuses = _statuses(reader, viewer, rows, filtered)
    wrapped = _wrap_boosts(reader, viewer, rows, filtered, statuses, lines)
    return [
        Rendered(wrapped.get(line.boost or 0) or statuses[line.post])
        for line in lines
        if line.post in statuses
    ]


def by_number(reader: Reader, viewer: Viewer, wanted: Iterable[PostId]) -> dict[PostId, Rendered]:
    """Statuses of those posts that the viewer may see, by number."""
    rows = visible_posts.status_rows(reader, viewer, wanted)
    statuses = _statuses(reader, viewer, rows, filter_entity.matches(reader, viewer, rows))
    return {id_: Rendered(status) for id_, status in statuses.items()}


def of_posts(reader: Reader, viewer: Viewer, found: Sequence[Post]) -> list[Rendered]:
    """Statuses in batches, so that no step of a long thread keeps other threads from running."""
    rendered: dict[PostId, Rendered] = {}
    for at in range(0, len(found), SLICE):
        rendered |= by_number(reader, viewer, [post.id for post in found[at : at + SLICE]])
    return [rendered[post.id] for post in found]


def one(reader: Reader, viewer: Viewer, post: Post) -> Rendered:
    return of_posts(reader, viewer, [post])[0]


def of_boost(reader: Reader, viewer: Viewer, boost: Boost, post: Post) -> Rendered:
    return of_lines(reader, viewer, [Line(boost.id, boost.id, boost.actor, post.id)])[0]


# ---- joining bytes ----


def _statuses(
    reader: Reader,
    viewer: Viewer,
    rows: StatusRows,
    filtered: Mapping[PostId, bytes],
    *,
    with_quotes: bool = True,
) -> dict[PostId, bytes]:
    texts = _render_text(reader, viewer, rows)
    authors = account_entity.render_cached(reader, [one.author for one in rows.values()])
    beside = _beside(reader, viewer, rows, with_quotes)
    return {
        id_: join(
            media_urls.open_placeholders(reader.site, texts[id_], viewer, reader.now),
            member("account", authors[row.author.actor]),
            beside.get(id_, _NOTHING_BESIDE),
            _end(viewer, row, filtered.get(id_, _UNFILTERED)),
        )
        for id_, row in rows.items()
    }


def _beside(
    reader: Reader, viewer: Viewer, rows: StatusRows, with_quotes: bool
) -> dict[PostId, bytes]:
    """Polls, and what is quoted, of those posts that have some; not what a quoted post quotes."""
    asking = [id_ for id_, one in rows.items() if one.type == "Question"]
    quoting = [id_ for id_, one in rows.items() if one.quotes] if with_quotes else []
    asked = poll_entity.many(reader, viewer, asking) if asking else {}
    quoted = quote_entity.many(reader, viewer, quoting, _render_quoted) if quoting else {}
    return {
        id_: members({"poll": asked.get(id_), "quote": quoted.get(id_)})
        for id_ in (*asked, *quoted)
    }


def _render_quoted(
    reader: Reader, viewer: Viewer, wanted: Iterable[PostId]
) -> dict[PostId, Rendered]:
    rows = visible_posts.status_rows(reader, viewer, wanted)
    filtered = filter_entity.matches(reader, viewer, rows)
    statuses = _statuses(reader, viewer, rows, filtered, with_quotes=False)
    return {id_: Rendered(status) for id_, status in statuses.items()}


def _wrap_boosts(
    reader: Reader,
    viewer: Viewer,
    rows: StatusRows,
    filtered: Mapping[PostId, bytes],
    statuses: Mapping[PostId, bytes],
    lines: Sequence[Line],
) -> dict[int, bytes]:
    """Boosts by number. A boost is a status of its own, with the original inside."""
    found = boosts.many(reader, [line.boost for line in lines if line.boost is not None])
    if not found:
        return {}
    boosters = account_entity.render_cached(
        reader, account_counts.account_versions(reader, [boost.actor for boost in found])
    )
    seen = [boost for boost in found if boost.post in statuses and boost.actor in boosters]
    texts = _render_text_of_boosts(reader, viewer, rows, seen)
    return {
        boost.id: join(
            texts[boost.id],
            member("account", boosters[boost.actor]),
            member("reblog", statuses[boost.post]),
            _end(
                viewer,
                rows[boost.post]._replace(in_reply_to=PostId(0), answered=0, pinned=0),
                filtered.get(boost.post, _UNFILTERED),
            ),
        )
        for boost in seen
    }


def _end(viewer: Viewer, row: StatusRow, filtered: bytes) -> bytes:
    me = viewer.actor if isinstance(viewer, Member) else None
    answered = (row.in_reply_to, row.answered) if row.answered else (None, None)
    mine = me == row.author.actor
    own = None if me is None else (bool(row.muted), filtered)
    return _tail(row.figures, answered, own, bool(row.pinned) if mine else None)


@lru_cache(maxsize=_TAILS)
def _tail(
    figures: StatusCounts,
    answered: tuple[int | None, int | None],
    own: tuple[bool, bytes] | None,
    pinned: bool | None,
) -> bytes:
    """Last members of a status: those that depend on the viewer (SECURITY 77)."""
    values: shapes.StatusTail = {
        "in_reply_to_id": number(answered[0]),
        "in_reply_to_account_id": number(answered[1]),
        "replies_count": figures.replies,
        "reblogs_count": figures.boosts,
        "favourites_count": figures.favourites,
        "quotes_count": 0,
    }
    if own is not None:  # what only a member's token shows (conventions.md, Requests)
        values |= {
            "favourited": bool(figures.favourited),
            "reblogged": bool(figures.boosted),
            "bookmarked": bool(figures.bookmarked),
            "muted": own[0],
            "filtered": Rendered(own[1]),
        }
    if pinned is not None:  # of one's own only
        values["pinned"] = pinned
    return members(values)


# ---- words, which all viewers see alike ----


def _render_text(reader: Reader, viewer: Viewer, rows: StatusRows) -> dict[PostId, bytes]:
    """First members of each status, by number."""
    cached = ((id_, reader.cache.get(row.revision)) for id_, row in rows.items())
    found = {id_: text for id_, text in cached if text is not None}
    missing = {id_: one.revision for id_, one in rows.items() if id_ not in found}
    for id_, values in _describe(reader, viewer, missing).items():
        found[id_] = members({**values, "reblog": None})
        reader.cache.put(missing[id_], found[id_])
    return found


def _render_text_of_boosts(
    reader: Reader, viewer: Viewer, rows: StatusRows, seen: Sequence[Boost]
) -> dict[int, bytes]:
    """First members of each boost, by its own number."""
    keys = {
        boost.id: (boost.id, boost.uri, boost.kind, boost.listed, rows[boost.post].revision)
        for boost in seen
    }
    cached = ((id_, reader.cache.get(key)) for id_, key in keys.items())
    found = {id_: text for id_, text in cached if text is not None}
    missing = [boost for boost in seen if boost.id not in found]
    described = _describe(reader, viewer, {one.post: rows[one.post].revision for one in missing})
    for boost in missing:
        boosted = described[boost.post]
        values = {**boosted, **_SILENT, **_own_of_boost(boost, boosted)}
        found[boost.id] = members(values)
        reader.cache.put(keys[boost.id], found[boost.id])
    return found


def _own_of_boost(boost: Boost, boosted: shapes.StatusText) -> dict[str, str]:
    """Members of a boost itself; it may be quieter, or louder, than an open post."""
    own = {"id": str(boost.id), "uri": boost.uri, "created_at": when(boost.published_at)}
    if boosted["visibility"] in ("public", "unlisted"):
        own["visibility"] = visibility(boost.kind, boost.listed)
    return own


def _describe(
    reader: Reader, viewer: Viewer, wanted: Mapping[PostId, Revision]
) -> dict[PostId, shapes.StatusText]:
    """Texts of posts, by number. All that goes in here is in the Revision, or never changes."""
    if not wanted:
        return {}
    ids = list(wanted)
    found = visible_posts.many(reader, viewer, ids)
    mentions, tags = _mentions(reader, ids), _tags(reader, ids)
    written_with = _applications(reader, found.values())
    attached = attachments.of_posts(reader, ids)
    said = emoji_entity.find_used(
        reader, {id_: (_host(post), (post.content, post.spoiler)) for id_, post in found.items()}
    )
    return {
        id_: {
            **_text(reader.site, post, wanted[id_].author_name),
            "media_attachments": _media(reader.site, post, attached.get(id_, [])),
            "emojis": said[id_],
            "mentions": _in_order(mentions.get(id_, []), post.content),
            "tags": tags.get(id_, []),
            "application": written_with.get(post.application or 0),
        }
        for id_, post in found.items()
    }


def _host(post: Post) -> str:
    """Host whose emoji a post uses: a post and its author are of one server."""
    return "" if post.local else host_of(post.uri)


def _media(site: Site, post: Post, attached: Sequence[Media]) -> list[shapes.MediaAttachment]:
    """Attachments, with addresses where everybody may see the post, else with placeholders."""
    open_to_all = post.kind == "public" and not post.local_only
    return [media_entity.of_post(site, one, open_to_all=open_to_all) for one in attached]


def media_of(reader: Reader, viewer: Viewer, post: Post, attached: Sequence[Media]) -> Rendered:
    """Attachments that a post has, or had, for a viewer who may see it."""
    rendered = orjson.dumps(_media(reader.site, post, attached))
    return Rendered(media_urls.open_placeholders(reader.site, rendered, viewer, reader.now))


def with_title(type_: str, title: str, content: str) -> str:
    """Content with the title before it, where that is not in it already."""
    return (
        f"<p><strong>{escape_markup(title)}</strong></p>{content}"
        if type_ == "Article"
        else content
    )


def _text(site: Site, post: Post, author: str) -> shapes.StatusBasics:
    return {
        "id": str(post.id),
        "created_at": when(post.published_at),
        "sensitive": post.sensitive,
        "spoiler_text": post.spoiler,
        "visibility": visibility(post.kind, post.listed),
        "language": post.language,
        "uri": post.uri,
        "url": uris.post_page(site, author, post.id) if post.local else post.url or post.uri,
        "content": with_title(post.type, post.title, post.content),
        "edited_at": optional_when(post.edited_at),
        "card": None,
        "local_only": post.local_only,
        **_policies(post),
    }


def _policies(post: Post) -> shapes.StatusPolicies:
    """Interaction policies: in our own words, and as clients know them for quotes."""
    allowed = [] if post.quote_policy == "nobody" else [post.quote_policy]
    return {
        "interaction_policy": {
            "reply": post.reply_policy,
            "favourite": post.like_policy,
            "reblog": post.announce_policy,
            "quote": post.quote_policy,
        },
        "quote_approval": {"automatic": allowed, "manual": [], "current_user": "denied"},
    }


def _mentions(reader: Reader, ids: Sequence[PostId]) -> dict[PostId, list[shapes.StatusMention]]:
    named = visible_posts.list_mentions(reader, ids)
    people = actors.many(reader, [actor for _, actor in named])
    found: dict[PostId, list[shapes.StatusMention]] = {}
    for post, actor in named:
        if actor in people:
            found.setdefault(post, []).append(_mention(reader.site, people[actor]))
    return found


def _in_order(mentions: list[shapes.StatusMention], content: str) -> list[shapes.StatusMention]:
    """Mentions in the order of the text; those that are not in it come last."""

    def position(one: shapes.StatusMention) -> int:
        at = content.find(f'"{one["url"]}"')
        return at if at >= 0 else len(content)

    return sorted(mentions, key=position) if len(mentions) > 1 else mentions


def _mention(site: Site, actor: Actor) -> shapes.StatusMention:
    return {
        "id": str(actor.id),
        "username": actor.name,
        "url": account_entity.page_of(site, actor),
        "acct": actor.acct,
    }


def _tags(reader: Reader, ids: Sequence[PostId]) -> dict[PostId, list[shapes.StatusTag]]:
    found: dict[PostId, list[shapes.StatusTag]] = {}
    for post, name in visible_posts.list_hashtags(reader, ids):
        tag: shapes.StatusTag = {"name": name, "url": uris.tag_page(reader.site, name)}
        found.setdefault(post, []).append(tag)
    return found


def _applications(reader: Reader, found: Iterable[Post]) -> dict[int, shapes.StatusApplication]:
    """App that a post of ours was written with."""
    known = oauth.many(reader, [post.application for post in found if post.application])
    return {id_: {"name": app.name, "website": app.website} for id_, app in known.items()}
