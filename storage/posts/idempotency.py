"""A post that is sent twice is posted once (Idempotency-Key, kept an hour)."""

from datetime import timedelta

from storage.engine.clock import milliseconds
from storage.engine.ids import ActorId, PostId
from storage.engine.transaction import Reader, Writer

KEPT = timedelta(hours=1)


def earlier(reader: Reader, account: ActorId, key: str) -> int | None:
    """The post, or the post for later, that this key made within the hour."""
    post: int | None = reader.value(
        "SELECT post FROM idempotency WHERE account = ? AND key = ? AND created_at > ?",
        account,
        key,
        milliseconds(reader.now - KEPT),
    )
    return post


def claim(writer: Writer, account: ActorId, key: str) -> bool:
    """A unit's first statement: whether the key is new, or older than an hour."""
    new = writer.execute(
        "INSERT INTO idempotency (account, key, created_at) VALUES (?, ?, ?)"
        " ON CONFLICT (account, key) DO UPDATE SET post = NULL, created_at = excluded.created_at"
        " WHERE created_at <= ?",
        account,
        key,
        writer.now_ms,
        milliseconds(writer.now - KEPT),
    )
    return bool(new)


def keep(writer: Writer, account: ActorId, key: str, post: int) -> None:
    """Keep the post that was made with the key claimed in this unit."""
    writer.execute(
        "UPDATE idempotency SET post = ? WHERE account = ? AND key = ?", post, account, key
    )


def became(writer: Writer, account: ActorId, scheduled: int, post: PostId) -> None:
    """A post for later was posted: its key leads there now."""
    writer.execute(
        "UPDATE idempotency SET post = ? WHERE account = ? AND post = ?", post, account, scheduled
    )
