"""Direct posts of one thread among the same people, as each of our members among them sees them."""

from collections.abc import Collection
from dataclasses import dataclass
from json import dumps

from orjson import loads

from storage.paging import Page
from storage.posts import Post
from storage.units import Reader, Row, Writer
from storage.unwanted import WANTED
from storage.visibility import ALIVE, PEOPLE, Member, predicate


@dataclass(frozen=True, slots=True)
class Conversation:
    """`people` without the member whose it is; `last_post` is also where lists go on from."""

    id: int
    people: tuple[int, ...]
    last_post: int
    unread: bool


def go_on(writer: Writer, post: Post, people: Collection[int], seeing: Collection[int]) -> None:
    """It was said among these people; those who see it, and are ours, have it in a conversation.

    Unread for all but its author, and for those who want to hear no more of the thread.
    """
    for account in seeing:
        others = dumps(sorted(set(people) - {account}), separators=(",", ":"))
        writer.execute(
            "INSERT INTO conversations (id, account, people, root, last_post, unread)"
            " SELECT ?1, a.actor, ?2, ?3, ?4, a.actor <> ?5 AND NOT EXISTS"
            " (SELECT 1 FROM thread_mutes m WHERE m.account = a.actor AND m.root = ?3)"
            " FROM accounts a WHERE a.actor = ?6"
            " ON CONFLICT (account, root, people) DO UPDATE SET hidden = 0,"
            " last_post = max(last_post, excluded.last_post), unread = excluded.unread",
            writer.new_small_id(),
            others,
            post.root,
            post.id,
            post.author,
            account,
        )


_COLUMNS = "c.id, c.people, c.last_post, c.unread"


def _from_row(row: Row) -> Conversation:
    return Conversation(row[0], tuple(loads(row[1])), row[2], bool(row[3]))


def page_of(reader: Reader, account: int, page: Page) -> list[Conversation]:
    """Newest first; the cursor is the last post. What its owner may not see is left out."""
    may, values = predicate(Member(account))  # type: ignore[arg-type]
    rows = reader.named(
        f"SELECT {_COLUMNS} FROM conversations c JOIN posts p ON p.id = c.last_post {PEOPLE}"
        " WHERE c.account = :viewer AND NOT c.hidden AND c.last_post < :below"
        f" AND c.last_post > :above AND {ALIVE} AND {may} AND {WANTED}"
        f" ORDER BY c.last_post {page.order} LIMIT :limit",
        {**page.values, **values, "viewer": account, "now": reader.now_ms},
    )
    return sorted(map(_from_row, rows), key=lambda one: -one.last_post)


def one(reader: Reader, account: int, id_: int) -> Conversation | None:
    """None where it is somebody else's, or hidden."""
    row = reader.row(
        f"SELECT {_COLUMNS} FROM conversations c WHERE c.id = ? AND c.account = ? AND NOT c.hidden",
        id_,
        account,
    )
    return _from_row(row) if row else None


def set_unread(writer: Writer, id_: int, unread: bool) -> None:
    writer.execute("UPDATE conversations SET unread = ? WHERE id = ?", unread, id_)


def hide(writer: Writer, id_: int) -> None:
    """Until it goes on."""
    writer.execute("UPDATE conversations SET hidden = 1, unread = 0 WHERE id = ?", id_)
