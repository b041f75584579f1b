"""Hashtags that a member follows: public posts with them come into home."""

from collections.abc import Iterable
from json import dumps

from storage.engine.ids import ActorId, PostId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer

MOST = 500


def number_of(writer: Writer, name: str) -> int:
    """Number of a folded hashtag, made if need be."""
    writer.execute("INSERT OR IGNORE INTO tags (id, name) VALUES (?, ?)", writer.new_id(), name)
    number: int = writer.value("SELECT id FROM tags WHERE name = ?", name)
    return number


def add(writer: Writer, account: ActorId, name: str) -> None:
    writer.execute(
        "INSERT INTO followed_tags (id, account, tag) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        writer.new_id(),
        account,
        number_of(writer, name),
    )


def remove(writer: Writer, account: ActorId, name: str) -> None:
    """Stop following a hashtag; what only it brought leaves home."""
    gone = writer.execute(
        "DELETE FROM followed_tags WHERE account = ?"
        " AND tag = (SELECT id FROM tags WHERE name = ?)",
        account,
        name,
    )
    if gone:
        _empty_of(writer, account, name)


def _empty_of(writer: Writer, account: ActorId, name: str) -> None:
    writer.execute_named(
        """
        DELETE FROM home_entries WHERE owner = :account AND share IS NULL AND post IN
        (SELECT pt.post FROM tags tg JOIN post_tags pt ON pt.tag = tg.id
        JOIN posts p ON p.id = pt.post WHERE tg.name = :tag AND p.author <> :account
        AND NOT EXISTS (SELECT 1 FROM follows f WHERE f.follower = :account
        AND f.target = p.author AND f.state = 'accepted') AND NOT EXISTS
        (SELECT 1 FROM post_tags pp JOIN followed_tags ft ON ft.tag = pp.tag
        WHERE pp.post = p.id AND ft.account = :account))
        """,
        {"account": account, "tag": name},
    )


def count(reader: Reader, account: ActorId) -> int:
    number: int = reader.value("SELECT count(*) FROM followed_tags WHERE account = ?", account)
    return number


def page_of(reader: Reader, account: ActorId, page: Page) -> list[tuple[int, str]]:
    """(cursor, folded name), newest first."""
    rows = reader.named(
        "SELECT ft.id, tg.name FROM followed_tags ft JOIN tags tg ON tg.id = ft.tag"
        " WHERE ft.account = :account AND ft.id < :below AND ft.id > :above"
        f" ORDER BY ft.id {page.order} LIMIT :limit",
        {**page.values, "account": account},
    )
    return sorted(((cursor, name) for cursor, name in rows), reverse=True)


def among(reader: Reader, account: ActorId, names: Iterable[str]) -> frozenset[str]:
    """Hashtags among these folded ones that a member follows."""
    rows = reader.rows(
        "SELECT tg.name FROM tags tg JOIN followed_tags ft ON ft.tag = tg.id AND ft.account = ?"
        " WHERE tg.name IN (SELECT value FROM json_each(?))",
        account,
        dumps(list(names)),
    )
    return frozenset(name for (name,) in rows)


def followers(reader: Reader, post: PostId) -> list[ActorId]:
    """Members who follow any hashtag of a post."""
    rows = reader.rows(
        "SELECT DISTINCT ft.account FROM post_tags pt JOIN followed_tags ft ON ft.tag = pt.tag"
        " WHERE pt.post = ?",
        post,
    )
    return [account for (account,) in rows]
