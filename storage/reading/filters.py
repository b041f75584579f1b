"""Filters: what to warn a member of, or hide from them; phrases and single posts, by context."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from json import dumps
from typing import Literal, get_args

from orjson import loads

from storage.engine.clock import milliseconds, optional_moment
from storage.engine.ids import ActorId, PostId
from storage.engine.transaction import Reader, Row, Writer

Context = Literal["home", "notifications", "public", "thread", "account"]
Action = Literal["warn", "hide", "blur"]
CONTEXTS: tuple[Context, ...] = get_args(Context)
ACTIONS: tuple[Action, ...] = get_args(Action)
MOST = 100
MOST_KEYWORDS = 100
MOST_POSTS = 500
MOST_PHRASES = 500  # of a member, in all filters together
MOST_CHARACTERS = 20_000  # in these


@dataclass(frozen=True, slots=True)
class Keyword:
    """`whole`: only where it is no part of a longer word."""

    id: int
    filter: int
    keyword: str
    whole: bool


@dataclass(frozen=True, slots=True)
class Marked:
    """A single post that is filtered."""

    id: int
    filter: int
    post: PostId


@dataclass(frozen=True, slots=True)
class Filter:
    """`expires_at` None: for ever."""

    id: int
    title: str
    contexts: tuple[Context, ...]
    action: Action
    expires_at: datetime | None
    keywords: tuple[Keyword, ...] = ()
    posts: tuple[Marked, ...] = ()


def add(
    writer: Writer,
    account: ActorId,
    title: str,
    contexts: Sequence[Context],
    action: Action,
    expires_at: datetime | None,
) -> int:
    """Return its number."""
    id_ = writer.new_id()
    writer.execute(
        "INSERT INTO filters (id, account, title, contexts, action, expires_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        id_,
        account,
        title,
        dumps(list(contexts)),
        action,
        None if expires_at is None else milliseconds(expires_at),
    )
    return id_


def change(writer: Writer, wanted: Filter) -> None:
    """Write title, contexts, action and end."""
    until = wanted.expires_at
    writer.execute(
        "UPDATE filters SET title = ?, contexts = ?, action = ?, expires_at = ? WHERE id = ?",
        wanted.title,
        dumps(list(wanted.contexts)),
        wanted.action,
        None if until is None else milliseconds(until),
        wanted.id,
    )


def remove(writer: Writer, filter_: int) -> None:
    writer.execute("DELETE FROM filters WHERE id = ?", filter_)


_FILTERS = "SELECT id, title, contexts, action, expires_at FROM filters WHERE account = ?"


def of(reader: Reader, account: ActorId) -> list[Filter]:
    """Filters of a member, all of them, those that ended too."""
    rows = reader.rows(f"{_FILTERS} ORDER BY id", account)
    return _with_contents(reader, rows)


def in_force(reader: Reader, account: ActorId) -> list[Filter]:
    """Filters that have not ended. Asks once where there are none."""
    rows = reader.rows(
        f"{_FILTERS} AND (expires_at IS NULL OR expires_at > ?) ORDER BY id",
        account,
        reader.now_ms,
    )
    return _with_contents(reader, rows) if rows else []


def one(reader: Reader, account: ActorId, id_: int) -> Filter | None:
    """Filter by number; None where it is somebody else's."""
    found = _with_contents(reader, reader.rows(f"{_FILTERS} AND id = ?", account, id_))
    return found[0] if found else None


def _with_contents(reader: Reader, rows: list[Row]) -> list[Filter]:
    ids = dumps([row[0] for row in rows])
    keywords: dict[int, list[Keyword]] = {}
    for row in reader.rows(
        "SELECT id, filter, keyword, whole_word FROM filter_keywords"
        " WHERE filter IN (SELECT value FROM json_each(?)) ORDER BY id",
        ids,
    ):
        keywords.setdefault(row[1], []).append(_keyword(row))
    posts: dict[int, list[Marked]] = {}
    for row in reader.rows(
        "SELECT id, filter, post FROM filter_posts"
        " WHERE filter IN (SELECT value FROM json_each(?)) ORDER BY id",
        ids,
    ):
        posts.setdefault(row[1], []).append(Marked(*row))
    return [
        Filter(
            id_,
            title,
            tuple(loads(contexts)),
            action,
            optional_moment(until),
            tuple(keywords.get(id_, ())),
            tuple(posts.get(id_, ())),
        )
        for id_, title, contexts, action, until in rows
    ]


def _keyword(row: Row) -> Keyword:
    return Keyword(row[0], row[1], row[2], bool(row[3]))


def count(reader: Reader, account: ActorId) -> int:
    number: int = reader.value("SELECT count(*) FROM filters WHERE account = ?", account)
    return number


# ---- phrases ----


def measure(reader: Reader, account: ActorId, filter_: int) -> tuple[int, int, int]:
    """Number of phrases of a filter and of all its owner has, and the characters in the latter."""
    row = reader.row(
        "SELECT ifnull(sum(fk.filter = ?), 0), count(*), ifnull(sum(length(fk.keyword)), 0)"
        " FROM filters fi JOIN filter_keywords fk ON fk.filter = fi.id WHERE fi.account = ?",
        filter_,
        account,
    )
    in_it, phrases, characters = row or (0, 0, 0)
    return in_it, phrases, characters


def add_keyword(writer: Writer, filter_: int, keyword: str, whole: bool) -> Keyword:
    made = Keyword(writer.new_id(), filter_, keyword, whole)
    writer.execute(
        "INSERT INTO filter_keywords (id, filter, keyword, whole_word) VALUES (?, ?, ?, ?)",
        made.id,
        filter_,
        keyword,
        whole,
    )
    return made


def change_keyword(writer: Writer, wanted: Keyword) -> None:
    writer.execute(
        "UPDATE filter_keywords SET keyword = ?, whole_word = ? WHERE id = ?",
        wanted.keyword,
        wanted.whole,
        wanted.id,
    )


def remove_keywords(writer: Writer, ids: Iterable[int]) -> None:
    writer.execute_many("DELETE FROM filter_keywords WHERE id = ?", [(id_,) for id_ in ids])


def keyword(reader: Reader, account: ActorId, id_: int) -> Keyword | None:
    """Keyword by number; None where it is somebody else's."""
    row = reader.row(
        "SELECT fk.id, fk.filter, fk.keyword, fk.whole_word FROM filter_keywords fk"
        " JOIN filters fi ON fi.id = fk.filter WHERE fk.id = ? AND fi.account = ?",
        id_,
        account,
    )
    return _keyword(row) if row else None


# ---- single posts ----


def add_post(writer: Writer, filter_: int, post: PostId) -> Marked:
    """Add a post; one that is in it already stays as it is."""
    writer.execute(
        "INSERT INTO filter_posts (id, filter, post) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        writer.new_id(),
        filter_,
        post,
    )
    id_: int = writer.value(
        "SELECT id FROM filter_posts WHERE filter = ? AND post = ?", filter_, post
    )
    return Marked(id_, filter_, post)


def remove_post(writer: Writer, id_: int) -> None:
    writer.execute("DELETE FROM filter_posts WHERE id = ?", id_)


def find_marked(reader: Reader, account: ActorId, id_: int) -> Marked | None:
    """Post marked in a filter, by number; None where it is somebody else's."""
    row = reader.row(
        "SELECT fp.id, fp.filter, fp.post FROM filter_posts fp JOIN filters fi ON fi.id = fp.filter"
        " WHERE fp.id = ? AND fi.account = ?",
        id_,
        account,
    )
    return Marked(*row) if row else None
