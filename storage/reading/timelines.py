"""Lists of posts, each as a viewer may see it: home, public, hashtag, account, kept ones."""

from collections.abc import Iterable
from dataclasses import dataclass
from json import dumps
from typing import NamedTuple

from storage.engine.ids import ActorId, PostId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Row, Writer
from storage.people.hidden_accounts import BOOSTER_NOT_HIDDEN, NOT_HIDDEN
from storage.posts.posts import SHOWN, Post, from_row
from storage.posts.visibility import ALIVE, FROM, PEOPLE, Anonymous, Member, Viewer, predicate
from storage.reading import lists

HOME = "home"
KEPT = 800

# What lists for everybody show: not those who were silenced, nor whom one wants to see nothing of.
_HEARD = f"iif(w.silenced, 0, {NOT_HIDDEN})"

# Whoever brought a post into a list by sharing it: nobody, or somebody whom one wants to hear.
_BOOSTER_NOT_HIDDEN = (
    "(bo.actor IS NULL OR EXISTS (SELECT 1 FROM actors y WHERE y.id = bo.actor"
    f" AND {BOOSTER_NOT_HIDDEN}))"
)
_BOOSTED_BY_SOMEBODY = (
    "NOT EXISTS (SELECT 1 FROM actors y WHERE y.id = bo.actor AND y.effective_state <> 'active')"
)

# Starts a conversation, or goes on with one's own.
_STARTS = (
    "(p.in_reply_to_uri IS NULL OR EXISTS"
    " (SELECT 1 FROM posts o WHERE o.id = p.in_reply_to AND o.author = p.author))"
)
_WITH_MEDIA = "(NOT :media OR EXISTS (SELECT 1 FROM media md WHERE md.post = p.id))"

# Where a post was written. Said as a term of its own, an index answers it.
_OURS = "p.local = 1"
_THEIRS = "p.local = 0"
_ANYWHERE = "1"


class Line(NamedTuple):
    """Line of a list: a post by number, and the boost that brought it, if any. `cursor` pages."""

    cursor: int
    boost: int | None
    booster: ActorId | None
    post: PostId


@dataclass(frozen=True, slots=True)
class Entry:
    """A line with its post, for those who show or send it as it is."""

    cursor: int
    post: Post
    boost: int | None = None
    booster: ActorId | None = None

    @property
    def line(self) -> Line:
        return Line(self.cursor, self.boost, self.booster, self.post.id)


def _lines(rows: list[Row]) -> list[Line]:
    return sorted(map(Line._make, rows), key=lambda line: -line.cursor)


def _entries(page: Page, rows: list[Row]) -> list[Entry]:
    """Rows are: cursor, share, booster, then the post."""
    entries = [Entry(row[0], from_row(row[3:]), row[1], row[2]) for row in rows]
    return sorted(entries, key=lambda entry: -entry.cursor)


def _values(reader: Reader, viewer: Viewer, page: Page) -> dict[str, object]:
    me = viewer.actor if isinstance(viewer, Member) else 0
    return {**page.values, "viewer": me, "now": reader.now_ms}


_IN_HOME = "home_entries AS line"
_OF_HOME = "line.owner = :viewer"
_IN_LIST = "list_entries AS line"
_OF_LIST = "line.list = :list"


def home(reader: Reader, owner: ActorId, page: Page) -> list[Line]:
    return _lines_of(reader, owner, page, _IN_HOME, _OF_HOME, 0)


def of_list(reader: Reader, owner: ActorId, list_: int, page: Page) -> list[Line]:
    """Posts and boosts that came into one of the owner's lists."""
    return _lines_of(reader, owner, page, _IN_LIST, _OF_LIST, list_)


def _lines_of(
    reader: Reader, owner: ActorId, page: Page, table: str, whose: str, list_: int
) -> list[Line]:
    may, values = predicate(Member(owner))
    shared, _ = predicate(Member(owner), of_boost=True)
    rows = reader.gather_rows(
        f"""
        SELECT line.entry, line.share, bo.actor, line.post FROM {table}
        JOIN posts p ON p.id = line.post {PEOPLE} LEFT JOIN boosts bo ON bo.id = line.share
        WHERE {whose} AND line.entry < :below AND line.entry > :above
        AND {ALIVE} AND {may} AND {NOT_HIDDEN} AND {_BOOSTER_NOT_HIDDEN}
        AND (bo.id IS NULL OR {shared})
        ORDER BY line.entry {page.order} LIMIT :limit
        """,
        {**_values(reader, Member(owner), page), **values, "list": list_},
        width=len(Line._fields),
    )
    return _lines(rows)


def public(
    reader: Reader,
    viewer: Viewer,
    page: Page,
    *,
    local: bool = False,
    remote: bool = False,
    media: bool = False,
) -> list[Entry]:
    """Listed posts that start a conversation: ours, others' or both."""
    may, values = predicate(viewer)
    origin = _OURS if local else _THEIRS if remote else _ANYWHERE
    # The plus keeps SQLite from collecting a whole audience and sorting it: it walks down the ids.
    rows = reader.named(
        f"""
        SELECT p.id, NULL, NULL, {SHOWN} FROM {FROM} WHERE {origin} AND p.listed
        AND +a.kind IN ('public', 'instance') AND p.id < :below AND p.id > :above
        AND {_STARTS} AND {_WITH_MEDIA} AND {ALIVE} AND {may} AND {_HEARD}
        ORDER BY p.id {page.order} LIMIT :limit
        """,
        {**_values(reader, viewer, page), "media": media, **values},
    )
    return _entries(page, rows)


@dataclass(frozen=True, slots=True)
class Tagged:
    """Hashtags to match: `name`, or any of `any`; all of `all`; none of `none`. Folded names."""

    name: str
    any: tuple[str, ...] = ()
    all: tuple[str, ...] = ()
    none: tuple[str, ...] = ()


_OF_ANY = (
    "SELECT pt.post FROM tags tg JOIN post_tags pt ON pt.tag = tg.id WHERE tg.name IN"
    " (SELECT value FROM json_each(:any)) AND pt.post < :below AND pt.post > :above"
)
_OF_ALL = (
    "(SELECT count(*) FROM post_tags pt JOIN tags tg ON tg.id = pt.tag WHERE pt.post = p.id"
    " AND tg.name IN (SELECT value FROM json_each(:all))) = json_array_length(:all)"
)
_OF_NONE = (
    "NOT EXISTS (SELECT 1 FROM post_tags pt JOIN tags tg ON tg.id = pt.tag WHERE pt.post = p.id"
    " AND tg.name IN (SELECT value FROM json_each(:none)))"
)


def hashtag(
    reader: Reader,
    viewer: Viewer,
    tagged: Tagged,
    page: Page,
    *,
    local: bool = False,
    remote: bool = False,
) -> list[Entry]:
    may, values = predicate(viewer)
    origin = _OURS if local else _THEIRS if remote else _ANYWHERE
    rows = reader.named(
        f"""
        SELECT p.id, NULL, NULL, {SHOWN} FROM {FROM} WHERE {origin} AND p.listed
        AND p.id IN ({_OF_ANY}) AND {_OF_ALL} AND {_OF_NONE}
        AND {ALIVE} AND {may} AND {_HEARD}
        ORDER BY p.id {page.order} LIMIT :limit
        """,
        {
            **_values(reader, viewer, page),
            "any": _names((tagged.name, *tagged.any)),
            "all": _names(tagged.all),
            "none": _names(tagged.none),
            **values,
        },
    )
    return _entries(page, rows)


def _names(tags: Iterable[str]) -> str:
    return dumps(sorted(set(tags)))


@dataclass(frozen=True, slots=True)
class Shown:
    """Choice among an account's posts. `tagged` is a folded hashtag."""

    replies: bool = True
    boosts: bool = True
    direct: bool = True
    media: bool = False
    tagged: str | None = None


_SHOWN = (
    "(:direct OR a.kind <> 'named')"
    f" AND {_WITH_MEDIA}"
    " AND (:tagged IS NULL OR EXISTS (SELECT 1 FROM post_tags pt JOIN tags tg ON tg.id = pt.tag"
    " WHERE pt.post = p.id AND tg.name = :tagged))"
)


def account(
    reader: Reader, viewer: Viewer, actor: ActorId, shown: Shown, page: Page
) -> list[Entry]:
    """Posts and boosts of an account: two lists, each in order, made into one."""
    values = {
        **_values(reader, viewer, page),
        "actor": actor,
        "replies": shown.replies,
        "direct": shown.direct,
        "media": shown.media,
        "tagged": shown.tagged,
    }
    found = _read_posts(reader, viewer, page, values)
    if shown.boosts:
        found += _read_boosts(reader, viewer, page, values)
    nearest = sorted(found, key=lambda row: row[0], reverse=page.order == "DESC")
    return _entries(page, nearest[: page.limit])


def _read_posts(reader: Reader, viewer: Viewer, page: Page, values: dict[str, object]) -> list[Row]:
    may, allowed = predicate(viewer)
    return reader.named(
        f"""
        SELECT p.id, NULL, NULL, {SHOWN} FROM {FROM}
        WHERE p.author = :actor AND p.id < :below AND p.id > :above
        AND (:replies OR {_STARTS}) AND {_SHOWN}
        AND {ALIVE} AND {may} ORDER BY p.id {page.order} LIMIT :limit
        """,
        {**values, **allowed},
    )


def _read_boosts(
    reader: Reader, viewer: Viewer, page: Page, values: dict[str, object]
) -> list[Row]:
    may, allowed = predicate(viewer)
    shared, _ = predicate(viewer, of_boost=True)
    return reader.named(
        f"""
        SELECT bo.id, bo.id, bo.actor, {SHOWN} FROM boosts bo JOIN posts p ON p.id = bo.post
        {PEOPLE} WHERE bo.actor = :actor AND bo.id < :below AND bo.id > :above AND {_SHOWN}
        AND {_BOOSTED_BY_SOMEBODY} AND {ALIVE} AND {may} AND {shared}
        ORDER BY bo.id {page.order} LIMIT :limit
        """,
        {**values, **allowed},
    )


def page_of_pinned(reader: Reader, viewer: Viewer, actor: ActorId, page: Page) -> list[Line]:
    """Posts that an account shows first, newest pin first; the cursor is the pin's own number."""
    may, values = predicate(viewer)
    rows = reader.named(
        f"SELECT pi.id, NULL, NULL, p.id FROM pins pi JOIN posts p ON p.id = pi.post {PEOPLE}"
        " WHERE pi.actor = :actor AND pi.id < :below AND pi.id > :above"
        f" AND {ALIVE} AND {may} ORDER BY pi.id {page.order} LIMIT :limit",
        {**page.values, "actor": actor, **values},
    )
    return _lines(rows)


_FAVOURITES = "favourites AS mark"
_BOOKMARKS = "bookmarks AS mark"


def favourites(reader: Reader, owner: ActorId, page: Page) -> list[Line]:
    """Posts that a member favourited; the cursor is the favourite's own number."""
    return _page_of_marked(reader, owner, page, _FAVOURITES)


def bookmarks(reader: Reader, owner: ActorId, page: Page) -> list[Line]:
    return _page_of_marked(reader, owner, page, _BOOKMARKS)


def _page_of_marked(reader: Reader, owner: ActorId, page: Page, table: str) -> list[Line]:
    may, values = predicate(Member(owner))
    rows = reader.named(
        f"""
        SELECT mark.id, NULL, NULL, p.id FROM {table} JOIN posts p ON p.id = mark.post {PEOPLE}
        WHERE mark.actor = :viewer AND mark.id < :below AND mark.id > :above
        AND {ALIVE} AND {may} ORDER BY mark.id {page.order} LIMIT :limit
        """,
        {**_values(reader, Member(owner), page), **values},
    )
    return _lines(rows)


def quoting(reader: Reader, viewer: Viewer, quoted: PostId, page: Page) -> list[Line]:
    """Posts that quote a post by consent; the cursor is the consent's own number."""
    may, values = predicate(viewer)
    rows = reader.named(
        f"""
        SELECT q.id, NULL, NULL, p.id FROM approvals q CROSS JOIN posts o ON o.id = q.target
        CROSS JOIN posts p ON p.uri = q.request AND p.quoted = o.uri {PEOPLE}
        WHERE q.target = :quoted AND q.kind = 'quote' AND q.state = 'approved'
        AND q.id < :below AND q.id > :above AND NOT EXISTS
        (SELECT 1 FROM blocks b WHERE b.actor = o.author AND b.target = p.author)
        AND {ALIVE} AND {may} AND {_HEARD} ORDER BY q.id {page.order} LIMIT :limit
        """,
        {**_values(reader, viewer, page), **values, "quoted": quoted},
    )
    return _lines(rows)


_NOBODY_KNOWN = Anonymous()


def outbox(
    reader: Reader, actor: ActorId, page: Page, viewer: Viewer = _NOBODY_KNOWN
) -> list[Entry]:
    """Posts of an account to everybody, as far as another server may see them."""
    may, values = predicate(viewer)
    rows = reader.named(
        f"SELECT p.id, NULL, NULL, {SHOWN} FROM {FROM} WHERE p.author = :actor"
        " AND a.kind = 'public' AND NOT p.local_only AND p.id < :below AND p.id > :above"
        f" AND {ALIVE} AND {may} ORDER BY p.id {page.order} LIMIT :limit",
        {**page.values, "actor": actor, **values},
    )
    return _entries(page, rows)


# ---- the home lists, fanned out on write ----


def fan_out(
    writer: Writer, owners: Iterable[ActorId], entry: int, post: PostId, boost: int | None
) -> None:
    """Put a line into each of these members' home lists."""
    reached = sorted(set(owners))
    writer.execute(
        "INSERT OR IGNORE INTO home_entries (owner, entry, post, share)"
        " SELECT value, ?, ?, ? FROM json_each(?)",
        entry,
        post,
        boost,
        dumps(reached),
    )
    writer.after_commit_each(HOME, reached)


def having_in_home(reader: Reader, post: PostId) -> frozenset[ActorId]:
    """Members in whose home list it is."""
    rows = reader.rows("SELECT owner FROM home_entries WHERE post = ?", post)
    return frozenset(owner for (owner,) in rows)


# Whether post p is in none of the languages in which :owner follows :author (follows.Hearer.wants).
_FOREIGN = (
    "(ifnull(p.language, '') <> '' AND EXISTS (SELECT 1 FROM follows f WHERE f.follower = :owner"
    " AND f.target = :author AND f.languages <> '[]' AND NOT EXISTS"
    " (SELECT 1 FROM json_each(f.languages) j WHERE lower(j.value) IN"
    " (lower(p.language), lower(substr(p.language, 1, instr(p.language || '-', '-') - 1))))))"
)


def fill_from(writer: Writer, owner: ActorId, author: ActorId, most: int = 40) -> None:
    """Fill the home list with the latest posts of somebody who was followed."""
    writer.execute_named(
        f"""
        INSERT OR IGNORE INTO home_entries (owner, entry, post) SELECT :owner, p.id, p.id
        FROM posts p JOIN audiences a ON a.id = p.audience
        WHERE p.author = :author AND p.deleted_at IS NULL
        AND a.kind <> 'named' AND p.in_reply_to_uri IS NULL AND NOT {_FOREIGN}
        ORDER BY p.id DESC LIMIT :most
        """,
        {"owner": owner, "author": author, "most": most},
    )


def empty_of(writer: Writer, owner: ActorId, author: ActorId) -> None:
    """Take what somebody said or boosted out of home and every list: they are followed no more."""
    lists.take_from_all(writer, owner, author)
    leave_home(writer, owner, author)


def leave_home(writer: Writer, owner: ActorId, author: ActorId) -> None:
    """Take what somebody said or boosted out of the home list."""
    writer.execute(
        "DELETE FROM home_entries WHERE owner = ? AND (share IS NULL AND post IN"
        " (SELECT id FROM posts WHERE author = ?) OR share IN"
        " (SELECT id FROM boosts WHERE actor = ?))",
        owner,
        author,
        author,
    )


def leave_foreign(writer: Writer, owner: ActorId, author: ActorId) -> None:
    """Take posts in languages in which their author is not followed out of the home list."""
    writer.execute_named(
        "DELETE FROM home_entries WHERE owner = :owner AND share IS NULL AND post IN"
        f" (SELECT p.id FROM posts p WHERE p.author = :author AND {_FOREIGN})",
        {"owner": owner, "author": author},
    )


def trim(writer: Writer, owner: ActorId, kept: int = KEPT) -> int:
    """Keep the newest lines of a home list."""
    return writer.execute(
        "DELETE FROM home_entries WHERE owner = ? AND entry <= (SELECT entry FROM home_entries"
        " WHERE owner = ? ORDER BY entry DESC LIMIT 1 OFFSET ?)",
        owner,
        owner,
        kept,
    )


def trim_all(writer: Writer, kept: int) -> int:
    """Keep the newest lines of every home and every other list; return how many went."""
    owners = writer.rows("SELECT actor FROM accounts")
    at_home = sum(trim(writer, owner, kept) for (owner,) in owners)
    return at_home + lists.trim_all(writer, kept)
