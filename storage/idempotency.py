"""A post that is sent twice is posted once (Idempotency-Key, kept an hour)."""

from datetime import timedelta

from storage.clock import milliseconds
from storage.units import Reader, Writer

KEPT = timedelta(hours=1)


def earlier(reader: Reader, account: int, key: str) -> int | None:
    """The post that this key made within the hour."""
    post: int | None = reader.value(
        "SELECT post FROM idempotency WHERE account = ? AND key = ? AND created_at > ?",
        account,
        key,
        milliseconds(reader.now - KEPT),
    )
    return post


def keep(writer: Writer, account: int, key: str, post: int) -> None:
    writer.execute(
        "INSERT INTO idempotency (account, key, post, created_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (account, key) DO UPDATE SET post = excluded.post,"
        " created_at = excluded.created_at",
        account,
        key,
        post,
        writer.now_ms,
    )
