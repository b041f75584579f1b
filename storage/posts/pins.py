"""Pins: posts that an actor shows first; their list is read in timelines."""

from storage.engine.ids import ActorId, PostId
from storage.engine.transaction import Reader, Writer

PINNED = "pinned"


def add(writer: Writer, actor: ActorId, post: PostId, most: int) -> bool:
    """Return whether it is pinned now; False where there are so many already."""
    if is_pinned(writer, actor, post):
        return True
    if count(writer, actor) >= most:
        return False
    writer.execute(
        "INSERT INTO pins (id, actor, post) VALUES (?, ?, ?)", writer.new_id(), actor, post
    )
    writer.after_commit(PINNED, str(actor))
    return True


def remove(writer: Writer, actor: ActorId, post: PostId) -> bool:
    """Return whether it was pinned."""
    removed = writer.execute("DELETE FROM pins WHERE actor = ? AND post = ?", actor, post)
    if removed:
        writer.after_commit(PINNED, str(actor))
    return bool(removed)


def is_pinned(reader: Reader, actor: ActorId, post: PostId) -> bool:
    return reader.row("SELECT 1 FROM pins WHERE actor = ? AND post = ?", actor, post) is not None


def of(reader: Reader, actor: ActorId) -> list[PostId]:
    rows = reader.rows("SELECT post FROM pins WHERE actor = ? ORDER BY id", actor)
    return [post for (post,) in rows]


def count(reader: Reader, actor: ActorId) -> int:
    found: int = reader.value("SELECT count(*) FROM pins WHERE actor = ?", actor)
    return found
