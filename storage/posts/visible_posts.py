"""Posts as a viewer may see them: the only way in which the server reads them."""

from collections.abc import Iterable, Sequence
from json import dumps
from typing import NamedTuple

from storage.engine.ids import ActorId, PostId
from storage.engine.transaction import Reader, Row
from storage.people import hidden_accounts
from storage.people.account_counts import ACCOUNT_VERSION, COUNTS_JOIN, AccountVersion
from storage.posts import search_index
from storage.posts.posts import SHOWN, Post, Recipient, count_local, from_row, recipients, tag_names
from storage.posts.visibility import ALIVE, FROM, PEOPLE, Facts, Member, Viewer, predicate

__all__ = [
    "Post",
    "Recipient",
    "Revision",
    "StatusCounts",
    "StatusRow",
    "ancestors",
    "by_id",
    "by_page",
    "by_uri",
    "count_local",
    "descendants",
    "facts",
    "figures",
    "hosts",
    "list_hashtags",
    "list_mentions",
    "many",
    "once_seen",
    "recipients",
    "status_rows",
    "tag_names",
    "texts",
    "was_there",
]


def by_id(reader: Reader, viewer: Viewer, id_: PostId) -> Post | None:
    found = many(reader, viewer, [id_])
    return found.get(PostId(id_))


def once_seen(reader: Reader, id_: PostId) -> Post | None:
    """The post, whoever may see it now: only for those who take back what they did with it.

    Whoever asks has looked at their own row first, and shows nothing of what it says.
    """
    row = reader.row(
        f"SELECT {SHOWN} FROM {FROM} WHERE p.id = ? AND p.deleted_at IS NULL",
        id_,
    )
    return from_row(row) if row else None


def by_uri(reader: Reader, viewer: Viewer, uri: str) -> Post | None:
    may, values = predicate(viewer)
    rows = reader.named(
        f"SELECT {SHOWN} FROM {FROM} WHERE p.uri = :uri AND {ALIVE} AND {may}",
        {"uri": uri, **values},
    )
    return from_row(rows[0]) if rows else None


def by_page(reader: Reader, viewer: Viewer, url: str) -> Post | None:
    """Post by the address at which people read it; a hint, never an authority."""
    may, values = predicate(viewer)
    rows = reader.named(
        f"SELECT {SHOWN} FROM {FROM} WHERE p.url = :url AND {ALIVE} AND {may} LIMIT 1",
        {"url": url, **values},
    )
    return from_row(rows[0]) if rows else None


def many(reader: Reader, viewer: Viewer, wanted: Iterable[PostId]) -> dict[PostId, Post]:
    may, values = predicate(viewer)
    rows = reader.named(
        f"SELECT {SHOWN} FROM {FROM} WHERE p.id IN (SELECT value FROM json_each(:wanted))"
        f" AND {ALIVE} AND {may}",
        {"wanted": dumps(sorted(set(wanted))), **values},
    )
    return {PostId(row[0]): from_row(row) for row in rows}


def was_there(reader: Reader, viewer: Viewer, id_: PostId) -> bool:
    """Whether it was deleted and the viewer could have seen it: 410 for them, 404 for the rest."""
    may, values = predicate(viewer)
    rows = reader.named(
        f"SELECT 1 FROM {FROM} WHERE p.id = :id AND p.deleted_at IS NOT NULL"
        f" AND w.effective_state <> 'suspended' AND {may}",
        {"id": id_, **values},
    )
    return bool(rows)


def ancestors(reader: Reader, viewer: Viewer, post: Post) -> list[Post]:
    """Posts that it answers, the first first. One that the viewer may not see ends the chain.

    Whom the viewer blocks or mutes is left out, above as below (SECURITY 85).
    """
    rows = reader.named(
        """
        WITH RECURSIVE above (id, place) AS (SELECT :parent, 1 UNION ALL
        SELECT p.in_reply_to, place + 1 FROM above JOIN posts p ON p.id = above.id
        WHERE p.in_reply_to IS NOT NULL AND place < :most)
        SELECT id FROM above WHERE id IS NOT NULL ORDER BY place
        """,
        {"parent": post.in_reply_to, "most": _reach(viewer).ancestors},
    )
    known = many(reader, viewer, [id_ for (id_,) in rows])
    chain: list[Post] = []
    for (id_,) in rows:
        above = known.pop(PostId(id_), None)  # known no more: hidden, or met before
        if above is None or above.id == post.id:
            break
        chain.append(above)
    return _find_wanted(reader, viewer, chain[::-1])


class ThreadLimits(NamedTuple):
    """Limits of a thread: how many are shown above, how many below and how deep there."""

    ancestors: int
    descendants: int
    depth: int


WHOLE = ThreadLimits(4096, 4096, 4096)
GLIMPSE = ThreadLimits(40, 60, 20)
ANSWERS = ThreadLimits(0, 500, 1)


def _reach(viewer: Viewer) -> ThreadLimits:
    return WHOLE if isinstance(viewer, Member) else GLIMPSE


def descendants(
    reader: Reader, viewer: Viewer, post: Post, reach: ThreadLimits | None = None
) -> list[Post]:
    """Answers to it and to them, each after what it answers; oldest first among equals.

    Of too many, those nearest to it. What answers something hidden is hidden with that.
    """
    may, values = predicate(viewer)
    within = reach or _reach(viewer)
    rows = reader.named(
        f"""
        WITH RECURSIVE below (id, depth) AS (
        SELECT p.id, 1 FROM {FROM} WHERE p.in_reply_to = :id AND p.id <> :id AND {ALIVE}
        AND {may} UNION ALL SELECT p.id, depth + 1 FROM below CROSS JOIN posts p
        ON p.in_reply_to = below.id {PEOPLE} WHERE depth < :depth AND p.id <> :id
        AND {ALIVE} AND {may} ORDER BY 2, 1 LIMIT :most)
        SELECT {SHOWN} FROM below CROSS JOIN posts p ON p.id = below.id {PEOPLE}
        ORDER BY p.id
        """,
        {"id": post.id, "depth": within.depth, "most": within.descendants, **values},
    )
    answers: dict[int, list[Post]] = {}
    for row in rows:
        answer = from_row(row)
        answers.setdefault(answer.in_reply_to or 0, []).append(answer)
    return _find_wanted(reader, viewer, _in_order(post, answers))


def _in_order(post: Post, answers: dict[int, list[Post]]) -> list[Post]:
    """Sort answers after what they answer; the author's own unbroken chain comes first."""
    found: list[Post] = []
    chain = {post.id}
    waiting = _last_first(post, answers, chain, post.id)
    while waiting:
        answer = waiting.pop()
        found.append(answer)
        waiting += _last_first(post, answers, chain, answer.id)
    return found


def _last_first(
    post: Post, answers: dict[int, list[Post]], chain: set[PostId], of: PostId
) -> list[Post]:
    below = answers.pop(of, [])
    if of not in chain:
        return below[::-1]
    own = [one for one in below if one.author == post.author]
    chain.update(one.id for one in own)
    others = [one for one in below if one.author != post.author]
    return [*others[::-1], *own[::-1]]


def _find_wanted(reader: Reader, viewer: Viewer, thread: list[Post]) -> list[Post]:
    if not isinstance(viewer, Member):
        return thread
    hidden = hidden_accounts.among(reader, viewer.actor, [post.author for post in thread])
    return [post for post in thread if post.author not in hidden]


class StatusCounts(NamedTuple):
    """Counts of a post, and whether (0 or 1) the viewer did this with it."""

    favourites: int = 0
    boosts: int = 0
    replies: int = 0
    favourited: int = 0
    boosted: int = 0
    bookmarked: int = 0


# Of the post whose number is j.value; boosts as far as the viewer is among those they are for.
_FAVOURITES = "(SELECT count(*) FROM favourites fv WHERE fv.post = j.value)"
_BOOSTS = "SELECT count(*) FROM boosts bo WHERE bo.post = j.value"
_DONE = (
    "EXISTS (SELECT 1 FROM favourites fv WHERE fv.post = j.value AND fv.actor = :me),"
    " EXISTS (SELECT 1 FROM boosts bo WHERE bo.post = j.value AND bo.actor = :me),"
    " EXISTS (SELECT 1 FROM bookmarks bm WHERE bm.post = j.value AND bm.actor = :me)"
)
_ANSWERS = f"SELECT count(*) FROM {FROM} WHERE p.in_reply_to = j.value AND {ALIVE}"


def figures(reader: Reader, viewer: Viewer, wanted: Sequence[PostId]) -> dict[PostId, StatusCounts]:
    """Counts derived from rows (SECURITY 28), for many posts in one statement.

    Answers and boosts are counted as far as the viewer may see them: a count tells of each.
    """
    may, values = predicate(viewer)
    shared, _ = predicate(viewer, of_boost=True)
    me = viewer.actor if isinstance(viewer, Member) else 0
    rows = reader.named(
        f"SELECT j.value, {_FAVOURITES}, ({_BOOSTS} AND {shared}),"
        f" ({_ANSWERS} AND {may}), {_DONE} FROM json_each(:wanted) j",
        {**values, "wanted": dumps(list(wanted)), "me": me},
    )
    return {row[0]: StatusCounts._make(row[1:]) for row in rows}


class Revision(NamedTuple):
    """Data that decides how a post's words are shown, to whomever: what is equal reads the same.

    `mentioned` grows whenever somebody whom it mentions changes their profile, `emojis` whenever
    those of its server do. The number of a post that was erased may be given again; its URI is not.
    """

    post: PostId
    version: int
    uri: str
    author_name: str
    mentioned: int
    emojis: int


class StatusRow(NamedTuple):
    """A post as one statement tells it: which words, by whom, and how it stands for the viewer.

    `answered` wrote what it answers; 0 where that is nothing, or hidden from the viewer. `quotes`
    and `pinned` are 0 or 1; pinned by its author. `muted`: the viewer wants no more of its thread.
    """

    revision: Revision
    author: AccountVersion
    figures: StatusCounts
    in_reply_to: PostId
    answered: int
    type: str
    quotes: int
    pinned: int
    muted: int


_WIDTH = sum(len(one._fields) for one in (Revision, AccountVersion, StatusCounts, StatusRow)) - 3
_REVISION = (
    "c.id, c.version, c.uri, w.name, (SELECT ifnull(sum(x.version), 0) FROM post_recipients r"
    " JOIN actors x ON x.id = r.actor WHERE r.post = c.id AND r.mentioned),"
    " ifnull(h.emojis, 0)"
)
_ANSWERED = f"SELECT p.author FROM {FROM} WHERE p.id = c.in_reply_to AND {ALIVE}"


def status_rows(
    reader: Reader, viewer: Viewer, wanted: Iterable[PostId]
) -> dict[PostId, StatusRow]:
    """Rows by number, of posts that the viewer may see; whatever is cached decides nothing."""
    may, values = predicate(viewer)
    shared, _ = predicate(viewer, of_boost=True)
    me = viewer.actor if isinstance(viewer, Member) else 0
    rows = reader.gather_rows(
        f"""
        SELECT {_REVISION}, {ACCOUNT_VERSION}, {_FAVOURITES},
        ({_BOOSTS} AND {shared}), ({_ANSWERS} AND {may}), {_DONE},
        ifnull(c.in_reply_to, 0), ifnull(({_ANSWERED} AND {may}), 0), c.type,
        c.quoted IS NOT NULL,
        EXISTS (SELECT 1 FROM pins pi WHERE pi.post = c.id AND pi.actor = c.author),
        EXISTS (SELECT 1 FROM thread_mutes tm WHERE tm.account = :me AND tm.root = c.root)
        FROM json_each(:wanted) j CROSS JOIN posts c ON c.id = j.value
        CROSS JOIN posts p ON p.id = c.id {PEOPLE} {COUNTS_JOIN}
        WHERE {ALIVE} AND {may}
        """,
        {**values, "wanted": dumps(sorted(set(wanted))), "me": me},
        width=_WIDTH,
    )
    return {row[0]: _status_row(row) for row in rows}


def _status_row(row: Row) -> StatusRow:
    revision, author, figures = row[:6], row[6:13], row[13:19]
    return StatusRow(
        Revision._make(revision),
        AccountVersion._make(author),
        StatusCounts._make(figures),
        *row[19:],
    )


def hosts(reader: Reader, wanted: Iterable[PostId]) -> dict[PostId, str]:
    """Hosts by post: the server each is of; "" is ours."""
    return dict(
        reader.rows(
            "SELECT p.id, w.host FROM posts p JOIN actors w ON w.id = p.author"
            " WHERE p.id IN (SELECT value FROM json_each(?))",
            dumps(sorted(set(wanted))),
        )
    )


def list_mentions(reader: Reader, wanted: Sequence[PostId]) -> list[tuple[PostId, ActorId]]:
    """(post, actor) for everybody whom the posts' texts mention."""
    rows = reader.rows(
        "SELECT post, actor FROM post_recipients WHERE mentioned"
        " AND post IN (SELECT value FROM json_each(?))",
        dumps(list(wanted)),
    )
    return [(post, actor) for post, actor in rows]


def list_hashtags(reader: Reader, wanted: Sequence[PostId]) -> list[tuple[PostId, str]]:
    """(post, folded name) for every hashtag of the posts."""
    rows = reader.rows(
        "SELECT pt.post, tg.name FROM post_tags pt JOIN tags tg ON tg.id = pt.tag"
        " WHERE pt.post IN (SELECT value FROM json_each(?)) ORDER BY tg.id",
        dumps(list(wanted)),
    )
    return [(post, name) for post, name in rows]


def texts(reader: Reader, wanted: Sequence[PostId]) -> dict[PostId, str]:
    """Texts of posts, all that they say, as plain text; of posts that somebody may see."""
    return dict(search_index.of_posts(reader, list(wanted)))


def facts(reader: Reader, post: Post) -> Facts:
    """Gather what `can_see` decides on: captured inside the unit, used after it."""
    author = reader.row("SELECT host, effective_state FROM actors WHERE id = ?", post.author)
    host, state = author or ("", "deleted")
    recipients = _set(reader, "SELECT actor FROM post_recipients WHERE post = ?", post.id)
    followers = _set(
        reader,
        "SELECT follower FROM follows WHERE target = ? AND state = 'accepted'",
        post.owner,
    )
    members = _set(
        reader,
        "SELECT actor FROM collection_members WHERE collection = ? AND state = 'active'",
        post.collection,
    )
    blocked = _set(reader, "SELECT target FROM blocks WHERE actor = ?", post.author)
    hosts = _hosts(reader, recipients | followers | members)
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
        hosts=hosts,
        blocked_hosts=frozenset(host for (host,) in refused),
    )


def _set(reader: Reader, sql: str, key: int | None) -> frozenset[ActorId]:
    return frozenset(id_ for (id_,) in reader.rows(sql, key)) if key else frozenset()


def _hosts(reader: Reader, wanted: frozenset[ActorId]) -> dict[ActorId, str]:
    if not wanted:
        return {}
    return dict(
        reader.rows(
            "SELECT id, host FROM actors WHERE id IN (SELECT value FROM json_each(?))",
            dumps(sorted(wanted)),
        )
    )
