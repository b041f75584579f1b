"""Favourites: who favourited which post."""

from storage.engine.ids import ActorId, PostId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer

FAVOURITED = "favourited"


def add(writer: Writer, uri: str, actor: ActorId, post: PostId) -> bool:
    """Return whether it is new: one for each actor and post (SECURITY 28)."""
    new = writer.execute(
        "INSERT INTO favourites (id, uri, actor, post, created_at) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        writer.new_id(),
        uri,
        actor,
        post,
        writer.now_ms,
    )
    if new:
        writer.after_commit(FAVOURITED, str(post))
    return bool(new)


def remove(writer: Writer, actor: ActorId, post: PostId) -> bool:
    removed = writer.execute("DELETE FROM favourites WHERE actor = ? AND post = ?", actor, post)
    if removed:
        writer.after_commit(FAVOURITED, str(post))
    return bool(removed)


def uri_of(reader: Reader, actor: ActorId, post: PostId) -> str | None:
    uri: str | None = reader.value(
        "SELECT uri FROM favourites WHERE actor = ? AND post = ?", actor, post
    )
    return uri


def by_uri(reader: Reader, uri: str, by: ActorId | None = None) -> tuple[ActorId, PostId] | None:
    """(actor, post) of a like; of others several may have one id, each is its actor's."""
    row = reader.row(
        "SELECT actor, post FROM favourites WHERE uri = ? AND actor = ifnull(?, actor)", uri, by
    )
    return (row[0], row[1]) if row else None


def page_of(reader: Reader, post: PostId, page: Page) -> list[tuple[int, ActorId]]:
    """(cursor, actor), newest first."""
    rows = reader.named(
        f"""
        SELECT fv.id, fv.actor FROM favourites fv JOIN actors w ON w.id = fv.actor
        WHERE fv.post = :post AND fv.id < :below AND fv.id > :above
        AND w.effective_state = 'active' ORDER BY fv.id {page.order} LIMIT :limit
        """,
        {**page.values, "post": post},
    )
    return sorted(((cursor, actor) for cursor, actor in rows), reverse=True)
