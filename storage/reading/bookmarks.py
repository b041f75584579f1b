"""Bookmarks: what a member keeps for later. Nobody else can notice."""

from storage.engine.ids import ActorId, PostId
from storage.engine.transaction import Reader, Writer


def add(writer: Writer, actor: ActorId, post: PostId) -> None:
    writer.execute(
        "INSERT INTO bookmarks (id, actor, post) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        writer.new_id(),
        actor,
        post,
    )


def remove(writer: Writer, actor: ActorId, post: PostId) -> None:
    writer.execute("DELETE FROM bookmarks WHERE actor = ? AND post = ?", actor, post)


def exists(reader: Reader, actor: ActorId, post: PostId) -> bool:
    return (
        reader.row("SELECT 1 FROM bookmarks WHERE actor = ? AND post = ?", actor, post) is not None
    )
