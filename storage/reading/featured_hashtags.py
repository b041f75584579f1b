"""Hashtags that a member shows on their profile, and those that they might."""

from dataclasses import dataclass
from datetime import datetime

from storage.engine.clock import optional_moment
from storage.engine.ids import ActorId, PostId
from storage.engine.transaction import Reader, Writer
from storage.posts.visibility import ALIVE, PEOPLE, Viewer, predicate

MOST = 10


@dataclass(frozen=True, slots=True)
class Featured:
    """`name` as written; counted is what the asking viewer may see of the member's posts."""

    id: int
    name: str
    posts: PostId
    newest: datetime | None


def add(writer: Writer, actor: ActorId, tag: int, name: str) -> int:
    """Return its number; of one that is featured already, the one it has."""
    writer.execute(
        "INSERT INTO featured_tags (id, actor, tag, name) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        writer.new_id(),
        actor,
        tag,
        name,
    )
    id_: int = writer.value("SELECT id FROM featured_tags WHERE actor = ? AND tag = ?", actor, tag)
    return id_


def remove(writer: Writer, actor: ActorId, id_: int) -> bool:
    return bool(writer.execute("DELETE FROM featured_tags WHERE actor = ? AND id = ?", actor, id_))


def remove_by_name(writer: Writer, actor: ActorId, name: str) -> None:
    writer.execute(
        "DELETE FROM featured_tags WHERE actor = ? AND tag = (SELECT id FROM tags WHERE name = ?)",
        actor,
        name,
    )


def count(reader: Reader, actor: ActorId) -> int:
    number: int = reader.value("SELECT count(*) FROM featured_tags WHERE actor = ?", actor)
    return number


def names(reader: Reader, actor: ActorId) -> frozenset[str]:
    """Folded."""
    rows = reader.rows(
        "SELECT tg.name FROM featured_tags fg JOIN tags tg ON tg.id = fg.tag WHERE fg.actor = ?",
        actor,
    )
    return frozenset(name for (name,) in rows)


def of(reader: Reader, viewer: Viewer, actor: ActorId) -> list[Featured]:
    """Featured hashtags of an actor, all of them, in the order in which they were chosen."""
    may, values = predicate(viewer)
    seen = (
        f"FROM post_tags pt JOIN posts p ON p.id = pt.post {PEOPLE}"
        f" WHERE pt.tag = fg.tag AND p.author = :actor AND p.listed AND {ALIVE} AND {may}"
    )
    rows = reader.named(
        f"SELECT fg.id, fg.name, (SELECT count(*) {seen}), (SELECT max(p.published_at) {seen})"
        " FROM featured_tags fg WHERE fg.actor = :actor ORDER BY fg.id",
        {"actor": actor, **values},
    )
    return [Featured(id_, name, posts, optional_moment(at)) for id_, name, posts, at in rows]


def suggest(reader: Reader, actor: ActorId, most: int = MOST) -> list[str]:
    """Folded hashtags that they use most and do not feature."""
    rows = reader.named(
        """
        SELECT tg.name FROM posts p JOIN post_tags pt ON pt.post = p.id
        JOIN tags tg ON tg.id = pt.tag WHERE p.author = :actor
        AND p.listed AND p.deleted_at IS NULL AND NOT EXISTS
        (SELECT 1 FROM featured_tags fg WHERE fg.actor = :actor AND fg.tag = tg.id)
        GROUP BY tg.id ORDER BY count(*) DESC, tg.name LIMIT :most
        """,
        {"actor": actor, "most": most},
    )
    return [name for (name,) in rows]
