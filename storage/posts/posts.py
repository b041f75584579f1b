"""Posts as they are written; reading them for somebody goes through visible_posts."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from json import dumps

from storage.engine.clock import milliseconds, moment, optional_moment
from storage.engine.ids import ActorId, PostId
from storage.engine.transaction import Reader, Row, Writer
from storage.posts import search_index
from storage.posts.audiences import AudienceKind

POSTED = "posted"
DELETED = "deleted"
REVISED = "revised"


@dataclass(frozen=True, slots=True, kw_only=True)
class Post:
    """Row of a post, with the kind and owner of its audience. `content` is safe HTML."""

    id: PostId
    uri: str
    url: str | None
    author: ActorId
    local: bool
    type: str = "Note"
    audience: int
    kind: AudienceKind
    owner: ActorId | None = None
    collection: int | None = None
    listed: bool
    local_only: bool = False
    community: ActorId | None = None
    in_reply_to: PostId | None = None
    in_reply_to_uri: str | None = None
    root: PostId
    context: str | None = None
    title: str = ""
    content: str
    source: str | None = None
    spoiler: str = ""
    sensitive: bool = False
    language: str | None = None
    application: int | None = None
    published_at: datetime = field(default=moment(0))
    edited_at: datetime | None = None
    deleted_at: datetime | None = None
    version: int = 1
    reply_policy: str = "public"
    like_policy: str = "public"
    announce_policy: str = "public"
    quote_policy: str = "public"
    quoted: str | None = None


@dataclass(frozen=True, slots=True)
class Recipient:
    """An actor that a post names; `mentioned` when its text does."""

    actor: ActorId
    mentioned: bool
    name: str = ""


COLUMNS = (
    "p.id, p.uri, p.url, p.author, p.local, p.type, p.audience, a.kind, a.owner, a.collection,"
    " p.listed, p.local_only, p.community, p.in_reply_to, p.in_reply_to_uri, p.root, p.context,"
    " p.title, p.content, p.source, p.spoiler, p.sensitive, p.language, p.application,"
    " p.published_at, p.edited_at, p.deleted_at, p.version,"
    " p.reply_policy, p.like_policy, p.announce_policy, p.quote_policy, p.quoted"
)

# As it is shown, where `w` is its author: all that somebody says may have been marked as sensitive.
SHOWN = COLUMNS.replace("p.sensitive", "max(p.sensitive, w.sensitized)")


def from_row(row: Row) -> Post:
    values = dict(zip(Post.__dataclass_fields__, row, strict=True))
    for name in ("local", "listed", "local_only", "sensitive"):
        values[name] = bool(values[name])
    values["published_at"] = moment(values["published_at"])
    values["edited_at"] = optional_moment(values["edited_at"])
    values["deleted_at"] = optional_moment(values["deleted_at"])
    return Post(**values)


_ADD = """
    INSERT INTO posts (id, uri, url, author, local, type, audience, listed, local_only,
    community, in_reply_to, in_reply_to_uri, root, context, title, content, source, spoiler,
    sensitive, language, application, published_at, reply_policy, like_policy,
    announce_policy, quote_policy, quoted) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?,
    ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""


def add(writer: Writer, post: Post, recipients: Iterable[Recipient], tags: Iterable[str]) -> None:
    """Keep a new post with those it names and its hashtags; waiting answers get their parent."""
    writer.execute(
        _ADD,
        post.id,
        post.uri,
        post.url,
        post.author,
        post.local,
        post.type,
        post.audience,
        post.listed,
        post.local_only,
        post.community,
        post.in_reply_to,
        post.in_reply_to_uri,
        post.root,
        post.context,
        post.title,
        post.content,
        post.source,
        post.spoiler,
        post.sensitive,
        post.language,
        post.application,
        milliseconds(post.published_at),
        post.reply_policy,
        post.like_policy,
        post.announce_policy,
        post.quote_policy,
        post.quoted,
    )
    _name(writer, post.id, recipients)
    _tag(writer, post.id, tags)
    _adopt(writer, post)
    search_index.add(writer, post.id, post.title, post.spoiler, post.content)


def _name(writer: Writer, post: PostId, recipients: Iterable[Recipient]) -> None:
    writer.execute_many(
        "INSERT INTO post_recipients (post, actor, mentioned, name) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (post, actor) DO UPDATE SET mentioned = max(mentioned, excluded.mentioned)",
        [(post, r.actor, r.mentioned, r.name) for r in recipients],
    )


def _tag(writer: Writer, post: PostId, tags: Iterable[str]) -> None:
    for name in tags:
        folded = name.casefold()
        writer.execute(
            "INSERT OR IGNORE INTO tags (id, name) VALUES (?, ?)", writer.new_id(), folded
        )
        writer.execute(
            "INSERT OR IGNORE INTO post_tags (tag, post, name)"
            " SELECT id, ?, ? FROM tags WHERE name = ?",
            post,
            name,
            folded,
        )


def _adopt(writer: Writer, post: Post) -> None:
    """Answers that came before what they answer now belong to its thread.

    To something of ours there is none: it is here before anybody hears of it.
    """
    if post.local:
        return
    waiting = writer.rows(
        "SELECT id FROM posts WHERE in_reply_to IS NULL AND in_reply_to_uri = ?", post.uri
    )
    for (id_,) in waiting:
        writer.execute("UPDATE posts SET in_reply_to = ? WHERE id = ?", post.id, id_)
        for statement in (
            "UPDATE posts SET root = ? WHERE root = ?",
            "UPDATE OR IGNORE thread_mutes SET root = ? WHERE root = ?",
            "UPDATE OR IGNORE conversations SET root = ? WHERE root = ?",
        ):
            writer.execute(statement, post.root, id_)


def exists(reader: Reader, uri: str) -> bool:
    """Known, a tombstone included."""
    return reader.row("SELECT 1 FROM posts WHERE uri = ?", uri) is not None


def is_anothers(reader: Reader, uri: str, author: str) -> bool:
    """Whether somebody else of another server has that URI here, a tombstone included."""
    row = reader.row(
        "SELECT 1 FROM posts p JOIN actors w ON w.id = p.author"
        " WHERE p.uri = ? AND NOT p.local AND w.uri <> ?",
        uri,
        author,
    )
    return row is not None


def give_up(writer: Writer, uri: str) -> None:
    """Remove what was never at this URI, and leave the URI to the post that is there."""
    false = by_uri(writer, uri)
    writer.execute(
        "UPDATE posts SET uri = uri || '#given-up-' || id, version = version + 1 WHERE uri = ?",
        uri,
    )
    if false is not None:
        bury(writer, false)


def number_of(reader: Reader, uri: str) -> PostId | None:
    """Number of a post that is there."""
    number: PostId | None = reader.value(
        "SELECT id FROM posts WHERE uri = ? AND deleted_at IS NULL", uri
    )
    return number


def by_uri(reader: Reader, uri: str) -> Post | None:
    """Post as the server itself sees it: for the work of verbs, never to be shown."""
    row = reader.row(
        f"SELECT {COLUMNS} FROM posts p JOIN audiences a ON a.id = p.audience"
        " WHERE p.uri = ? AND p.deleted_at IS NULL",
        uri,
    )
    return from_row(row) if row else None


def by_id(reader: Reader, id_: PostId) -> Post | None:
    row = reader.row(
        f"SELECT {COLUMNS} FROM posts p JOIN audiences a ON a.id = p.audience"
        " WHERE p.id = ? AND p.deleted_at IS NULL",
        id_,
    )
    return from_row(row) if row else None


def recipients(reader: Reader, post: PostId) -> list[Recipient]:
    rows = reader.rows("SELECT actor, mentioned, name FROM post_recipients WHERE post = ?", post)
    return [Recipient(actor, bool(mentioned), name) for actor, mentioned, name in rows]


def tag_names(reader: Reader, post: PostId) -> list[str]:
    rows = reader.rows("SELECT name FROM post_tags WHERE post = ?", post)
    return [name for (name,) in rows]


def free_id(writer: Writer, wanted: PostId) -> PostId:
    """The wanted number, or the next that neither a post nor a boost has."""
    while writer.row(
        "SELECT 1 FROM posts WHERE id = ? UNION ALL SELECT 1 FROM boosts WHERE id = ?",
        wanted,
        wanted,
    ):
        wanted = PostId(wanted + 1)
    return wanted


def bury(writer: Writer, post: Post) -> None:
    """Leave a tombstone: owner and audience stay; nothing points to it any more.

    The words go, also those kept to be delivered: whoever has not got them, gets them no more.
    """
    writer.execute(
        "UPDATE posts SET deleted_at = ?, title = '', content = '', source = NULL, spoiler = '',"
        " document = NULL, version = version + 1 WHERE id = ?",
        writer.now_ms,
        post.id,
    )
    for statement in (
        "DELETE FROM post_tags WHERE post = ?",
        "DELETE FROM home_entries WHERE post = ?",
        "DELETE FROM list_entries WHERE post = ?",
        "DELETE FROM filter_posts WHERE post = ?",
        "DELETE FROM notifications WHERE post = ?",
        "DELETE FROM favourites WHERE post = ?",
        "DELETE FROM bookmarks WHERE post = ?",
        "DELETE FROM boosts WHERE post = ?",
        "DELETE FROM pins WHERE post = ?",
        "DELETE FROM polls WHERE post = ?",
        "DELETE FROM post_edits WHERE post = ?",
        "DELETE FROM media WHERE post = ? AND file IS NULL",
    ):
        writer.execute(statement, post.id)
    # Its author may use them again for a day (delete and redraft); nobody else sees them.
    writer.execute(
        "UPDATE media SET post = NULL, created_at = ? WHERE post = ?", writer.now_ms, post.id
    )
    search_index.remove(writer, post.id)
    leave_conversations(writer, [post.id])
    writer.execute(
        "UPDATE activities SET body = '' WHERE post = ? AND type IN ('Create', 'Update')", post.id
    )
    writer.after_commit(DELETED, str(post.id))


# The newest post of a conversation that stays, of its thread and among the same people.
_STAYS = """
    SELECT max(p.id) FROM posts p JOIN audiences a ON a.id = p.audience
    WHERE p.root = conversations.root AND p.deleted_at IS NULL AND a.kind = 'named'
    AND p.id NOT IN (SELECT value FROM json_each(:gone)) AND conversations.people =
    (SELECT json_group_array(n.actor) FROM (SELECT p.author AS actor UNION SELECT r.actor
    FROM post_recipients r WHERE r.post = p.id ORDER BY 1) n
    WHERE n.actor <> conversations.account)
    """


def leave_conversations(writer: Writer, gone: Sequence[int]) -> None:
    """Take posts off the end of conversations: each ends with what was said before, if any."""
    ids = dumps(list(gone))
    writer.execute_named(
        f"UPDATE conversations SET last_post = ({_STAYS})"
        " WHERE last_post IN (SELECT value FROM json_each(:gone))"
        f" AND ({_STAYS}) IS NOT NULL",
        {"gone": ids},
    )
    writer.execute(
        "DELETE FROM conversations WHERE last_post IN (SELECT value FROM json_each(?))", ids
    )


MOST_EARLY_DELETES = 20_000
MOST_EARLY_DELETES_OF_HOST = 1_000


def expect_delete(writer: Writer, uri: str, actor: str, host: str) -> None:
    """A Delete came before its Create: remember it for thirty days.

    Of one host, and in all, only so many are remembered, the newest (SECURITY 48).
    """
    new = writer.execute(
        "INSERT INTO early_deletes (uri, actor, kept_at, host) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        uri,
        actor,
        writer.now_ms,
        host,
    )
    if not new:
        return
    writer.execute(
        "DELETE FROM early_deletes WHERE (uri, actor) IN (SELECT uri, actor FROM early_deletes"
        " WHERE host = ? ORDER BY kept_at DESC LIMIT -1 OFFSET ?)",
        host,
        MOST_EARLY_DELETES_OF_HOST,
    )
    if writer.value("SELECT count(*) FROM early_deletes") > MOST_EARLY_DELETES:
        writer.execute(
            "DELETE FROM early_deletes WHERE (uri, actor) IN (SELECT uri, actor FROM early_deletes"
            " ORDER BY kept_at LIMIT ?)",
            MOST_EARLY_DELETES // 100,  # a few at once, so that it is seldom
        )


def was_deleted_early(reader: Reader, uri: str, actor: str) -> bool:
    return (
        reader.row("SELECT 1 FROM early_deletes WHERE uri = ? AND actor = ?", uri, actor)
        is not None
    )


def count_local(reader: Reader) -> int:
    count: int = reader.value("SELECT count(*) FROM posts WHERE local AND deleted_at IS NULL")
    return count


def revise(
    writer: Writer, post: Post, tags: Iterable[str], recipients: Iterable[Recipient] = ()
) -> None:
    """Write what an edit may change. Whom it named before may read it still, as not mentioned."""
    writer.execute(
        "UPDATE posts SET type = ?, title = ?, content = ?, source = ?, spoiler = ?,"
        " sensitive = ?, language = ?, quoted = ?, edited_at = ?, version = version + 1"
        " WHERE id = ?",
        post.type,
        post.title,
        post.content,
        post.source,
        post.spoiler,
        post.sensitive,
        post.language,
        post.quoted,
        milliseconds(post.edited_at or writer.now),
        post.id,
    )
    writer.execute("UPDATE post_recipients SET mentioned = 0 WHERE post = ?", post.id)
    _name(writer, post.id, recipients)
    writer.execute("DELETE FROM post_tags WHERE post = ?", post.id)
    _tag(writer, post.id, tags)
    search_index.index(writer, post.id)
    writer.after_commit(REVISED, str(post.id))


def narrow(writer: Writer, post: Post, audience: int, *, listed: bool) -> None:
    """Fewer may read it from now on; what others did to show it further ends (SECURITY 80)."""
    writer.execute(
        "UPDATE posts SET audience = ?, listed = ?, version = version + 1 WHERE id = ?",
        audience,
        listed,
        post.id,
    )
    writer.execute("DELETE FROM boosts WHERE post = ? AND actor <> ?", post.id, post.author)
    writer.after_commit(REVISED, str(post.id))


def set_policies(
    writer: Writer, post: PostId, *, reply: str, like: str, announce: str, quote: str
) -> None:
    """Set who may do what with it from now on; what was done stays."""
    writer.execute(
        "UPDATE posts SET reply_policy = ?, like_policy = ?, announce_policy = ?,"
        " quote_policy = ?, version = version + 1 WHERE id = ?",
        reply,
        like,
        announce,
        quote,
        post,
    )
    writer.after_commit(REVISED, str(post))
