"""A member's lists of people they follow; what these say is fanned out to them as to home."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from json import dumps
from typing import Literal, get_args

from storage.engine.ids import ActorId, PostId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Row, Writer

Replies = Literal["followed", "list", "none"]
REPLIES: tuple[Replies, ...] = get_args(Replies)
MOST = 50
MOST_MEMBERS = 500


@dataclass(frozen=True, slots=True)
class List:
    """`replies` says whose answers it shows: to anybody followed, to people in it, to nobody.

    What people of an `exclusive` list say is not in home.
    """

    id: int
    title: str
    replies: Replies = "list"
    exclusive: bool = False


_COLUMNS = "li.id, li.title, li.replies_policy, li.exclusive"


def _from_row(row: Row) -> List:
    return List(row[0], row[1], row[2], bool(row[3]))


def add(writer: Writer, owner: ActorId, title: str, replies: Replies, exclusive: bool) -> List:
    made = List(writer.new_id(), title, replies, exclusive)
    writer.execute(
        "INSERT INTO lists (id, owner, title, replies_policy, exclusive) VALUES (?, ?, ?, ?, ?)",
        made.id,
        owner,
        title,
        replies,
        exclusive,
    )
    return made


def change(writer: Writer, wanted: List) -> None:
    writer.execute(
        "UPDATE lists SET title = ?, replies_policy = ?, exclusive = ? WHERE id = ?",
        wanted.title,
        wanted.replies,
        wanted.exclusive,
        wanted.id,
    )


def remove(writer: Writer, list_: int) -> None:
    writer.execute("DELETE FROM lists WHERE id = ?", list_)


def of(reader: Reader, owner: ActorId) -> list[List]:
    rows = reader.rows(f"SELECT {_COLUMNS} FROM lists li WHERE li.owner = ? ORDER BY li.id", owner)
    return [_from_row(row) for row in rows]


def one(reader: Reader, owner: ActorId, list_: int) -> List | None:
    """List by number; None where it is somebody else's."""
    row = reader.row(
        f"SELECT {_COLUMNS} FROM lists li WHERE li.id = ? AND li.owner = ?", list_, owner
    )
    return _from_row(row) if row else None


def with_member(reader: Reader, owner: ActorId, actor: ActorId) -> list[List]:
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM list_members lm JOIN lists li ON li.id = lm.list"
        " WHERE lm.actor = ? AND li.owner = ? ORDER BY li.id",
        actor,
        owner,
    )
    return [_from_row(row) for row in rows]


# ---- who is in it ----


def put(writer: Writer, list_: int, actor: ActorId) -> bool:
    """Return whether they were not in it before."""
    new = writer.execute(
        "INSERT INTO list_members (list, actor, cursor) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        list_,
        actor,
        writer.new_id(),
    )
    return bool(new)


def take(writer: Writer, list_: int, actor: ActorId) -> None:
    """Take an account, and what it said or boosted, out of the list."""
    writer.execute("DELETE FROM list_members WHERE list = ? AND actor = ?", list_, actor)
    writer.execute_named(
        "DELETE FROM list_entries WHERE list = :list AND (share IS NULL AND post IN"
        " (SELECT id FROM posts WHERE author = :actor) OR share IN"
        " (SELECT id FROM boosts WHERE actor = :actor))",
        {"list": list_, "actor": actor},
    )


def take_from_all(writer: Writer, owner: ActorId, actor: ActorId) -> None:
    """Take somebody out of all lists of the owner: they are followed no more."""
    for found in with_member(writer, owner, actor):
        take(writer, found.id, actor)


def members(reader: Reader, list_: int) -> list[ActorId]:
    rows = reader.rows("SELECT actor FROM list_members WHERE list = ? ORDER BY cursor", list_)
    return [actor for (actor,) in rows]


def page_of_members(reader: Reader, list_: int, page: Page) -> list[tuple[int, ActorId]]:
    """(cursor, actor), newest first."""
    rows = reader.named(
        f"""
        SELECT lm.cursor, lm.actor FROM list_members lm JOIN actors w ON w.id = lm.actor
        WHERE lm.list = :list AND lm.cursor < :below AND lm.cursor > :above
        AND w.effective_state = 'active'
        ORDER BY lm.cursor {page.order} LIMIT :limit
        """,
        {**page.values, "list": list_},
    )
    return sorted(((cursor, actor) for cursor, actor in rows), reverse=True)


# ---- what it shows, fanned out on write ----


@dataclass(frozen=True, slots=True)
class Brought:
    """A line for lists: `by` said or shared it; `answered` is whom it answers, if another."""

    by: ActorId
    entry: int
    post: PostId
    boost: int | None = None
    answered: int | None = None


_TAKES = (
    "(:answered IS NULL OR :answered = li.owner OR li.replies_policy = 'followed'"
    " OR (li.replies_policy = 'list' AND EXISTS (SELECT 1 FROM list_members lm"
    " WHERE lm.list = li.id AND lm.actor = :answered)))"
)


def hold(reader: Reader, actor: ActorId) -> bool:
    """Whether anybody has them in a list."""
    return reader.row("SELECT 1 FROM list_members WHERE actor = ? LIMIT 1", actor) is not None


def fan_out(writer: Writer, brought: Brought, owners: Collection[ActorId]) -> None:
    """Put a line into those lists of these members that `by` is in."""
    rows = writer.named(
        "SELECT li.id FROM list_members lm JOIN lists li ON li.id = lm.list WHERE lm.actor = :by"
        f" AND li.owner IN (SELECT value FROM json_each(:owners)) AND {_TAKES}"
        " AND NOT EXISTS (SELECT 1 FROM list_entries le WHERE le.post = :post AND le.list = li.id)",
        {
            "by": brought.by,
            "answered": brought.answered,
            "post": brought.post,
            "owners": dumps(list(owners)),
        },
    )
    writer.execute_many(
        "INSERT OR IGNORE INTO list_entries (list, entry, post, share) VALUES (?, ?, ?, ?)",
        [(list_, brought.entry, brought.post, brought.boost) for (list_,) in rows],
    )


def apart(reader: Reader, by: ActorId, owners: Iterable[ActorId]) -> frozenset[ActorId]:
    """Owners among these who have `by` in an exclusive list, so not in home."""
    rows = reader.rows(
        "SELECT li.owner FROM list_members lm JOIN lists li ON li.id = lm.list"
        " WHERE lm.actor = ? AND li.exclusive AND li.owner <> lm.actor"
        " AND li.owner IN (SELECT value FROM json_each(?))",
        by,
        dumps(list(owners)),
    )
    return frozenset(owner for (owner,) in rows)


def fill_from(writer: Writer, list_: int, author: ActorId, most: int = 40) -> None:
    """Fill a list with the latest posts of somebody who came into it."""
    writer.execute(
        "INSERT OR IGNORE INTO list_entries (list, entry, post) SELECT ?, p.id, p.id FROM posts p"
        " JOIN audiences a ON a.id = p.audience WHERE p.author = ? AND p.deleted_at IS NULL"
        " AND a.kind <> 'named' AND p.in_reply_to_uri IS NULL ORDER BY p.id DESC LIMIT ?",
        list_,
        author,
        most,
    )


def trim_all(writer: Writer, kept: int) -> int:
    """Keep the newest lines of every list; return how many went."""
    return sum(_trim(writer, list_, kept) for (list_,) in writer.rows("SELECT id FROM lists"))


def _trim(writer: Writer, list_: int, kept: int) -> int:
    return writer.execute_named(
        "DELETE FROM list_entries WHERE list = :list AND entry <= (SELECT entry FROM list_entries"
        " WHERE list = :list ORDER BY entry DESC LIMIT 1 OFFSET :kept)",
        {"list": list_, "kept": kept},
    )
