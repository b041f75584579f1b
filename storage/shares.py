"""Who shared (boosted) which post. A share has a number among the posts."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from json import dumps

from storage.clock import milliseconds, moment
from storage.ids import PostId
from storage.paging import Page
from storage.units import Reader, Row, Writer

SHARED = "shared"


@dataclass(frozen=True, slots=True)
class Share:
    id: int
    uri: str
    actor: int
    post: PostId
    audience: int
    listed: bool
    published_at: datetime


COLUMNS = "id, uri, actor, post, audience, listed, published_at"


def _from_row(row: Row) -> Share:
    id_, uri, actor, post, audience, listed, published = row
    return Share(id_, uri, actor, PostId(post), audience, bool(listed), moment(published))


def add(writer: Writer, share: Share) -> bool:
    """Return whether it is new: one for each actor and post."""
    new = writer.execute(
        f"INSERT INTO shares ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        share.id,
        share.uri,
        share.actor,
        share.post,
        share.audience,
        share.listed,
        milliseconds(share.published_at),
    )
    if new:
        writer.after_commit(SHARED, str(share.post))
    return bool(new)


def remove(writer: Writer, share: Share) -> None:
    writer.execute("DELETE FROM shares WHERE id = ?", share.id)
    writer.after_commit(SHARED, str(share.post))


def by_id(reader: Reader, id_: int) -> Share | None:
    row = reader.row(f"SELECT {COLUMNS} FROM shares WHERE id = ?", id_)
    return _from_row(row) if row else None


def many(reader: Reader, wanted: Collection[int]) -> list[Share]:
    """By number; asks only when there is something to ask for."""
    if not wanted:
        return []
    rows = reader.rows(
        f"SELECT {COLUMNS} FROM shares WHERE id IN (SELECT value FROM json_each(?))",
        dumps(sorted(set(wanted))),
    )
    return [_from_row(row) for row in rows]


def by_uri(reader: Reader, uri: str) -> Share | None:
    row = reader.row(f"SELECT {COLUMNS} FROM shares WHERE uri = ?", uri)
    return _from_row(row) if row else None


def of(reader: Reader, actor: int, post: int) -> Share | None:
    row = reader.row(f"SELECT {COLUMNS} FROM shares WHERE actor = ? AND post = ?", actor, post)
    return _from_row(row) if row else None


def page_of(reader: Reader, post: int, page: Page) -> list[tuple[int, int]]:
    """(cursor, actor), newest first."""
    rows = reader.named(
        "SELECT s.id, s.actor FROM shares s JOIN actors w ON w.id = s.actor"
        " WHERE s.post = :post AND s.id < :below AND s.id > :above AND w.state = 'active'"
        f" ORDER BY s.id {page.order} LIMIT :limit",
        {**page.values, "post": post},
    )
    return sorted(((cursor, actor) for cursor, actor in rows), reverse=True)


def sharers_here(reader: Reader, post: int) -> list[int]:
    """Members of ours who shared it."""
    rows = reader.rows(
        "SELECT s.actor FROM shares s JOIN accounts c ON c.actor = s.actor WHERE s.post = ?", post
    )
    return [actor for (actor,) in rows]
