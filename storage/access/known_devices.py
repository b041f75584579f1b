"""Browsers in which somebody has logged in before, by the hash of a cookie that they keep.

What is guessed in one is counted apart from what strangers guess, and that is all that it is good
for: it opens nothing.
"""

from datetime import timedelta

from storage.access.oauth import hash_secret
from storage.engine.clock import milliseconds
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer

LASTS = timedelta(days=400)
MOST = 20  # of one account; the one that was used longest ago makes room


def know(writer: Writer, account: ActorId, secret: str) -> None:
    writer.execute(
        "INSERT INTO known_devices (account, hash, last_seen) VALUES (?, ?, ?)"
        " ON CONFLICT (account, hash) DO UPDATE SET last_seen = excluded.last_seen",
        account,
        hash_secret(secret),
        writer.now_ms,
    )
    writer.execute(
        "DELETE FROM known_devices WHERE account = ? AND hash IN (SELECT hash FROM known_devices"
        " WHERE account = ? ORDER BY last_seen DESC LIMIT -1 OFFSET ?)",
        account,
        account,
        MOST,
    )


def is_known(reader: Reader, account: ActorId, secret: str) -> bool:
    row = reader.row(
        "SELECT 1 FROM known_devices WHERE account = ? AND hash = ? AND last_seen > ?",
        account,
        hash_secret(secret),
        milliseconds(reader.now - LASTS),
    )
    return row is not None


def forget_all(writer: Writer, account: ActorId) -> None:
    writer.execute("DELETE FROM known_devices WHERE account = ?", account)
