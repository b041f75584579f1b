"""Posts as a viewer may see them: the only way in which the server reads them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from json import dumps

from storage import blocks
from storage.ids import PostId
from storage.posts import (
    COLUMNS,
    Post,
    Recipient,
    count_local,
    from_row,
    recipients,
    tag_names,
)
from storage.units import Reader
from storage.visibility import ALIVE, FROM, PEOPLE, Facts, Member, Viewer, predicate

__all__ = [
    "Figures",
    "Post",
    "Recipient",
    "ancestors",
    "by_id",
    "by_page",
    "by_uri",
    "count_local",
    "descendants",
    "facts",
    "figures",
    "many",
    "mentioned",
    "parent_authors",
    "recipients",
    "tag_names",
    "tagged",
    "was_there",
]

MOST_OF_THREAD = 500


def by_id(reader: Reader, viewer: Viewer, id_: int) -> Post | None:
    found = many(reader, viewer, [id_])
    return found.get(PostId(id_))


def by_uri(reader: Reader, viewer: Viewer, uri: str) -> Post | None:
    may, values = predicate(viewer)
    rows = reader.named(
        f"SELECT {COLUMNS} FROM {FROM} WHERE p.uri = :uri AND {ALIVE} AND {may}",
        {"uri": uri, **values},
    )
    return from_row(rows[0]) if rows else None


def by_page(reader: Reader, viewer: Viewer, url: str) -> Post | None:
    """By the address at which people read it; a hint, never an authority."""
    may, values = predicate(viewer)
    rows = reader.named(
        f"SELECT {COLUMNS} FROM {FROM} WHERE p.url = :url AND {ALIVE} AND {may} LIMIT 1",
        {"url": url, **values},
    )
    return from_row(rows[0]) if rows else None


def many(reader: Reader, viewer: Viewer, wanted: Iterable[int]) -> dict[PostId, Post]:
    may, values = predicate(viewer)
    rows = reader.named(
        f"SELECT {COLUMNS} FROM {FROM} WHERE p.id IN (SELECT value FROM json_each(:wanted))"
        f" AND {ALIVE} AND {may}",
        {"wanted": dumps(sorted(set(wanted))), **values},
    )
    return {PostId(row[0]): from_row(row) for row in rows}


def was_there(reader: Reader, viewer: Viewer, id_: int) -> bool:
    """Whether it was deleted and the viewer could have seen it: 410 for them, 404 for the rest."""
    may, values = predicate(viewer)
    rows = reader.named(
        f"SELECT 1 FROM {FROM} WHERE p.id = :id AND p.deleted_at IS NOT NULL"
        f" AND w.state <> 'suspended' AND {may}",
        {"id": id_, **values},
    )
    return bool(rows)


def ancestors(reader: Reader, viewer: Viewer, post: Post, most: int = 40) -> list[Post]:
    """What it answers, the first first. A post that the viewer may not see ends the chain.

    Whom the viewer blocks or mutes is left out, above as below (SECURITY 85).
    """
    chain: list[Post] = []
    seen = {post.id}
    parent = post.in_reply_to
    while parent is not None and len(chain) < most and parent not in seen:
        above = by_id(reader, viewer, parent)
        if above is None:
            break
        seen.add(above.id)
        chain.insert(0, above)
        parent = above.in_reply_to
    return _wanted(reader, viewer, chain)


def descendants(reader: Reader, viewer: Viewer, post: Post) -> list[Post]:
    """All answers to it and to them, each after what it answers; oldest first among equals."""
    may, values = predicate(viewer)
    rows = reader.named(
        f"SELECT {COLUMNS} FROM {FROM} WHERE p.root = :root AND p.id <> :id AND {ALIVE}"
        f" AND {may} ORDER BY p.id LIMIT {MOST_OF_THREAD}",
        {"root": post.root, "id": post.id, **values},
    )
    answers: dict[int, list[Post]] = {}
    for row in rows:
        answer = from_row(row)
        if answer.in_reply_to is not None:
            answers.setdefault(answer.in_reply_to, []).append(answer)
    found: list[Post] = []
    waiting = answers.get(post.id, [])[::-1]
    while waiting:
        answer = waiting.pop()
        found.append(answer)
        waiting += answers.pop(answer.id, [])[::-1]
    return _wanted(reader, viewer, found)


def _wanted(reader: Reader, viewer: Viewer, thread: list[Post]) -> list[Post]:
    if not thread or not isinstance(viewer, Member):
        return thread
    unwanted = blocks.unwanted(reader, viewer.actor)
    return [post for post in thread if post.author not in unwanted]


@dataclass(frozen=True, slots=True)
class Figures:
    """What is counted about a post, and what the viewer did with it."""

    likes: int = 0
    shares: int = 0
    replies: int = 0
    liked: bool = False
    shared: bool = False
    bookmarked: bool = False


def figures(reader: Reader, viewer: Viewer, wanted: Sequence[int]) -> dict[int, Figures]:
    """Counts derived from rows (SECURITY 28), for many posts in one statement.

    Answers are counted as far as the viewer may see them; a count tells that there is one.
    """
    may, values = predicate(viewer)
    me = viewer.actor if isinstance(viewer, Member) else 0
    rows = reader.named(
        "SELECT o.value,"
        " (SELECT count(*) FROM likes l WHERE l.post = o.value),"
        " (SELECT count(*) FROM shares s WHERE s.post = o.value),"
        f" (SELECT count(*) FROM {FROM} WHERE p.in_reply_to = o.value AND {ALIVE} AND {may}),"
        " EXISTS (SELECT 1 FROM likes l WHERE l.post = o.value AND l.actor = :me),"
        " EXISTS (SELECT 1 FROM shares s WHERE s.post = o.value AND s.actor = :me),"
        " EXISTS (SELECT 1 FROM bookmarks k WHERE k.post = o.value AND k.actor = :me)"
        " FROM json_each(:wanted) o",
        {**values, "wanted": dumps(list(wanted)), "me": me},
    )
    return {row[0]: Figures(*row[1:4], *map(bool, row[4:])) for row in rows}


def parent_authors(reader: Reader, viewer: Viewer, wanted: Sequence[int]) -> dict[int, int]:
    """Per answer: who wrote what it answers, where the viewer may see that."""
    may, values = predicate(viewer)
    rows = reader.named(
        f"SELECT c.id, p.author FROM posts c JOIN posts p ON p.id = c.in_reply_to {PEOPLE}"
        f" WHERE c.id IN (SELECT value FROM json_each(:wanted)) AND {ALIVE} AND {may}",
        {"wanted": dumps(list(wanted)), **values},
    )
    return dict(rows)


def mentioned(reader: Reader, wanted: Sequence[int]) -> list[tuple[int, int]]:
    """(post, actor) for everybody whom the posts' texts mention."""
    rows = reader.rows(
        "SELECT post, actor FROM post_recipients WHERE mentioned"
        " AND post IN (SELECT value FROM json_each(?))",
        dumps(list(wanted)),
    )
    return [(post, actor) for post, actor in rows]


def tagged(reader: Reader, wanted: Sequence[int]) -> list[tuple[int, str]]:
    """(post, folded name) for every hashtag of the posts."""
    rows = reader.rows(
        "SELECT g.post, t.name FROM post_tags g JOIN tags t ON t.id = g.tag"
        " WHERE g.post IN (SELECT value FROM json_each(?)) ORDER BY t.id",
        dumps(list(wanted)),
    )
    return [(post, name) for post, name in rows]


def facts(reader: Reader, post: Post) -> Facts:
    """Gather what `can_see` decides on: captured inside the unit, used after it."""
    author = reader.row("SELECT host, state FROM actors WHERE id = ?", post.author)
    host, state = author or ("", "deleted")
    recipients = _set(reader, "SELECT actor FROM post_recipients WHERE post = ?", post.id)
    followers = _set(
        reader,
        "SELECT follower FROM follows WHERE target = ? AND state = 'accepted'",
        post.owner or 0,
    )
    members = _set(
        reader,
        "SELECT actor FROM collection_members WHERE collection = ? AND state = 'active'",
        post.collection or 0,
    )
    blocked = _set(reader, "SELECT target FROM blocks WHERE actor = ?", post.author)
    hosts = reader.rows(
        "SELECT id, host FROM actors WHERE id IN (SELECT value FROM json_each(?))",
        dumps(sorted(recipients | followers | members)),
    )
    refused = reader.rows("SELECT host FROM hosts WHERE tier = 'blocked'")
    return Facts(
        author=post.author,
        author_host=host,
        author_active=state == "active",
        deleted=post.deleted_at is not None,
        kind=post.kind,
        owner=post.owner,
        local_only=post.local_only,
        recipients=recipients,
        blocked_by_author=blocked,
        followers_of_owner=followers,
        members=members,
        hosts=dict(hosts),
        blocked_hosts=frozenset(host for (host,) in refused),
    )


def _set(reader: Reader, sql: str, key: int) -> frozenset[int]:
    return frozenset(id_ for (id_,) in reader.rows(sql, key))
