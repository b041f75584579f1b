"""Direct posts of one thread among the same people, as each of our members among them sees them."""

from collections.abc import Collection
from dataclasses import dataclass, replace
from json import dumps

from orjson import loads

from storage.engine.ids import ActorId, PostId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Row, Writer
from storage.people.hidden_accounts import NOT_HIDDEN
from storage.posts.posts import Post
from storage.posts.visibility import ALIVE, FROM, PEOPLE, Member, predicate
from storage.queues import jobs
from storage.queues.job_kinds import FindConversations

SLICE = 200


@dataclass(frozen=True, slots=True)
class Conversation:
    """`people` without the member whose it is; `last_post` is also where lists go on from."""

    id: int
    people: tuple[ActorId, ...]
    last_post: PostId
    unread: bool


def go_on(
    writer: Writer, post: Post, people: Collection[ActorId], seeing: Collection[ActorId]
) -> None:
    """Put a post said among these people into a conversation of those of ours who see it.

    Unread for all but its author, and for those who want to hear no more of the thread.
    """
    for account in seeing:
        writer.execute_named(
            """
            INSERT INTO conversations (id, account, people, root, last_post, unread)
            SELECT :id, ac.actor, :people, :root, :post, ac.actor <> :author AND NOT EXISTS
            (SELECT 1 FROM thread_mutes tm WHERE tm.account = ac.actor AND tm.root = :root)
            FROM accounts ac WHERE ac.actor = :account
            ON CONFLICT (account, root, people) DO UPDATE SET hidden = 0,
            last_post = max(last_post, excluded.last_post), unread = excluded.unread
            """,
            {
                "id": writer.new_small_id(),
                "people": _others(people, account),
                "root": post.root,
                "post": post.id,
                "author": post.author,
                "account": account,
            },
        )


def is_in(reader: Reader, account: ActorId, root: PostId) -> bool:
    """Whether a member has a conversation in that thread."""
    row = reader.row(
        "SELECT 1 FROM conversations WHERE account = ? AND root = ? LIMIT 1", account, root
    )
    return row is not None


def _others(people: Collection[ActorId], account: ActorId) -> str:
    return dumps(sorted(set(people) - {account}), separators=(",", ":"))


_COLUMNS = "cv.id, cv.people, cv.last_post, cv.unread"


def _from_row(row: Row) -> Conversation:
    return Conversation(row[0], tuple(loads(row[1])), row[2], bool(row[3]))


def page_of(reader: Reader, account: ActorId, page: Page) -> list[Conversation]:
    """Newest first; the cursor is the last post. What its owner may not see is left out."""
    may, values = predicate(Member(account))
    rows = reader.named(
        f"""
        SELECT {_COLUMNS} FROM conversations cv JOIN posts p ON p.id = cv.last_post {PEOPLE}
        WHERE cv.account = :viewer AND NOT cv.hidden AND cv.last_post < :below
        AND cv.last_post > :above AND {ALIVE} AND {may} AND {NOT_HIDDEN}
        ORDER BY cv.last_post {page.order} LIMIT :limit
        """,
        {**page.values, **values, "viewer": account, "now": reader.now_ms},
    )
    return sorted(map(_from_row, rows), key=lambda one: -one.last_post)


def one(reader: Reader, account: ActorId, id_: int) -> Conversation | None:
    """Conversation by number; None where it is somebody else's, or hidden."""
    row = reader.row(
        f"SELECT {_COLUMNS} FROM conversations cv"
        " WHERE cv.id = ? AND cv.account = ? AND NOT cv.hidden",
        id_,
        account,
    )
    return _from_row(row) if row else None


def set_unread(writer: Writer, id_: int, unread: bool) -> None:
    writer.execute("UPDATE conversations SET unread = ? WHERE id = ?", unread, id_)


def hide(writer: Writer, id_: int) -> None:
    """Hide a conversation until it goes on."""
    writer.execute("UPDATE conversations SET hidden = 1, unread = 0 WHERE id = ?", id_)


# ---- direct posts that were there before conversations were ----


@dataclass(frozen=True, slots=True)
class _Said:
    """A direct post: its number, its thread, and its author with those whom it names."""

    post: PostId
    root: PostId
    people: frozenset[ActorId]


def find_next(writer: Writer) -> bool:
    """Look through some posts, newest first, as long as that is planned; was there anything."""
    job = jobs.next_due(writer, FindConversations)
    if job is None:
        return False
    below = job.payload.below
    rows = writer.rows("SELECT id FROM posts WHERE id < ? ORDER BY id DESC LIMIT ?", below, SLICE)
    if rows:
        _find(writer, rows[-1][0], below)
        jobs.plan(writer, replace(job.payload, below=rows[-1][0]))
    else:
        jobs.finish(writer, job)
    return True


def _find(writer: Writer, first: int, below: int) -> None:
    """Begin conversations already read; what goes on meanwhile stays as it is."""
    said = _read_posts(writer, first, below)
    everybody = dumps(sorted({one for each in said for one in each.people}))
    members = writer.rows(
        "SELECT actor FROM accounts WHERE actor IN (SELECT value FROM json_each(?))", everybody
    )
    for (account,) in members:
        seen = _visible(
            writer, ActorId(account), [one.post for one in said if account in one.people]
        )
        writer.execute_many(
            "INSERT INTO conversations (id, account, people, root, last_post, unread)"
            " VALUES (?, ?, ?, ?, ?, 0) ON CONFLICT (account, root, people)"
            " DO UPDATE SET last_post = max(last_post, excluded.last_post)",
            [
                (writer.new_small_id(), account, _others(one.people, account), one.root, one.post)
                for one in said
                if one.post in seen
            ],
        )


def _read_posts(reader: Reader, first: int, below: int) -> list[_Said]:
    rows = reader.rows(
        "SELECT p.id, p.root, p.author, (SELECT json_group_array(r.actor) FROM post_recipients r"
        " WHERE r.post = p.id) FROM posts p JOIN audiences a ON a.id = p.audience"
        " WHERE p.id >= ? AND p.id < ? AND p.deleted_at IS NULL AND a.kind = 'named'",
        first,
        below,
    )
    return [
        _Said(post, root, frozenset({author, *loads(named)})) for post, root, author, named in rows
    ]


def _visible(reader: Reader, account: ActorId, wanted: list[int]) -> set[int]:
    may, values = predicate(Member(account))
    rows = reader.named(
        f"SELECT p.id FROM {FROM} WHERE p.id IN (SELECT value FROM json_each(:wanted))"
        f" AND {ALIVE} AND {may}",
        {**values, "wanted": dumps(wanted)},
    )
    return {id_ for (id_,) in rows}
