"""Boosts: who boosted which post. A boost has a number among the posts."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from json import dumps

from storage.engine.clock import milliseconds, moment
from storage.engine.ids import ActorId, PostId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Row, Writer
from storage.posts.audiences import AudienceKind
from storage.posts.visibility import System, Viewer, predicate

BOOSTED = "boosted"
_SYSTEM = System()


@dataclass(frozen=True, slots=True)
class Boost:
    """`audience` is for everybody, or for those who follow `actor`: `kind` says which."""

    id: int
    uri: str
    actor: ActorId
    post: PostId
    audience: int
    listed: bool
    published_at: datetime
    kind: AudienceKind = "public"


COLUMNS = "id, uri, actor, post, audience, listed, published_at"
_READ = (
    "SELECT bo.id, bo.uri, bo.actor, bo.post, bo.audience, bo.listed, bo.published_at, a.kind"
    " FROM boosts bo JOIN audiences a ON a.id = bo.audience"
)


def _from_row(row: Row) -> Boost:
    id_, uri, actor, post, audience, listed, published, kind = row
    return Boost(id_, uri, actor, PostId(post), audience, bool(listed), moment(published), kind)


def add(writer: Writer, boost: Boost) -> bool:
    """Return whether it is new: one for each actor and post. Said again, it may be for fewer."""
    new = writer.execute(
        f"INSERT INTO boosts ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        boost.id,
        boost.uri,
        boost.actor,
        boost.post,
        boost.audience,
        boost.listed,
        milliseconds(boost.published_at),
    )
    if new:
        writer.after_commit(BOOSTED, str(boost.post))
    else:
        _narrow(writer, boost)
    return bool(new)


def _narrow(writer: Writer, said: Boost) -> None:
    """Narrow a boost that is said again for fewer; said for more, it stays as it was."""
    writer.execute(
        "UPDATE boosts SET listed = min(listed, ?), audience = iif(audience ="
        " (SELECT id FROM audiences WHERE kind = 'public'), ?, audience)"
        " WHERE actor = ? AND post = ?",
        said.listed,
        said.audience,
        said.actor,
        said.post,
    )


def remove(writer: Writer, boost: Boost) -> None:
    writer.execute("DELETE FROM boosts WHERE id = ?", boost.id)
    writer.after_commit(BOOSTED, str(boost.post))


def by_id(reader: Reader, id_: int) -> Boost | None:
    row = reader.row(f"{_READ} WHERE bo.id = ?", id_)
    return _from_row(row) if row else None


def find_visible(reader: Reader, viewer: Viewer, id_: int) -> Boost | None:
    """Boost by number, where the viewer may see it; whether its post, it does not say."""
    shared, values = predicate(viewer, of_boost=True)
    rows = reader.named(
        f"{_READ} JOIN actors w ON w.id = bo.actor"
        f" WHERE bo.id = :id AND w.effective_state = 'active' AND {shared}",
        {**values, "id": id_},
    )
    return _from_row(rows[0]) if rows else None


def many(reader: Reader, wanted: Collection[int]) -> list[Boost]:
    """Boosts by number; asks only when there is something to ask for."""
    if not wanted:
        return []
    rows = reader.rows(
        f"{_READ} WHERE bo.id IN (SELECT value FROM json_each(?))",
        dumps(sorted(set(wanted))),
    )
    return [_from_row(row) for row in rows]


def by_uri(reader: Reader, uri: str, by: ActorId | None = None) -> Boost | None:
    """Boost by its id. Several of others' may have one: each is its actor's."""
    row = reader.row(f"{_READ} WHERE bo.uri = ? AND bo.actor = ifnull(?, bo.actor)", uri, by)
    return _from_row(row) if row else None


def of(reader: Reader, actor: ActorId, post: PostId) -> Boost | None:
    row = reader.row(f"{_READ} WHERE bo.actor = ? AND bo.post = ?", actor, post)
    return _from_row(row) if row else None


def page_of(
    reader: Reader, post: PostId, page: Page, viewer: Viewer = _SYSTEM
) -> list[tuple[int, ActorId]]:
    """(cursor, actor), newest first: those who shared it with the viewer among others."""
    shared, values = predicate(viewer, of_boost=True)
    rows = reader.named(
        f"""
        SELECT bo.id, bo.actor FROM boosts bo JOIN actors w ON w.id = bo.actor
        WHERE bo.post = :post AND bo.id < :below AND bo.id > :above
        AND w.effective_state = 'active' AND {shared}
        ORDER BY bo.id {page.order} LIMIT :limit
        """,
        {**page.values, **values, "post": post},
    )
    return sorted(((cursor, actor) for cursor, actor in rows), reverse=True)


def local_boosters(reader: Reader, post: PostId) -> list[ActorId]:
    """Members of ours who shared it."""
    rows = reader.rows(
        "SELECT bo.actor FROM boosts bo JOIN accounts ac ON ac.actor = bo.actor WHERE bo.post = ?",
        post,
    )
    return [actor for (actor,) in rows]
