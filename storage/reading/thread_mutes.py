"""Threads of which a member wants to hear no more."""

from storage.engine.ids import ActorId, PostId
from storage.engine.transaction import Reader, Writer


def add(writer: Writer, account: ActorId, root: PostId, post: PostId | None = None) -> None:
    """`post` is the one in the thread by whose number it is said."""
    writer.execute(
        "INSERT INTO thread_mutes (account, root, post) VALUES (?, ?, ?)"
        " ON CONFLICT (account, root) DO UPDATE SET post = excluded.post",
        account,
        root,
        post,
    )


def remove(writer: Writer, account: ActorId, root: PostId) -> None:
    writer.execute("DELETE FROM thread_mutes WHERE account = ? AND root = ?", account, root)


def is_muted_by(reader: Reader, account: ActorId, post: PostId) -> bool:
    """Whether the member muted a thread by the number of this post, or it begins such a thread."""
    row = reader.row(
        "SELECT 1 FROM thread_mutes WHERE account = ? AND (root = ? OR post = ?)",
        account,
        post,
        post,
    )
    return row is not None
