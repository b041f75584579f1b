"""Signing keys: ours with their private half, others' as fetched from their origin."""

from dataclasses import dataclass
from datetime import datetime

from storage.engine.clock import milliseconds, optional_moment
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Row, Writer


@dataclass(frozen=True, slots=True)
class Key:
    """`public` and `private` are PEM; `private` is there for our own only."""

    uri: str
    actor: ActorId
    algorithm: str
    public: str
    private: str | None = None
    fetched_at: datetime | None = None


def _from_row(row: Row) -> Key:
    uri, actor, algorithm, public, private, fetched_at = row
    return Key(uri, ActorId(actor), algorithm, public, private, optional_moment(fetched_at))


def add(writer: Writer, key: Key) -> None:
    """Learn a key, or learn it anew: the URI names it, and the caller has proof of whose it is.

    So it may pass from one who only claimed it to its owner; never if it is one of ours.
    """
    writer.execute(
        """
        INSERT INTO keys (id, actor, uri, algorithm, public, private, created_at, fetched_at)
        VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (uri) DO UPDATE SET actor = excluded.actor,
        algorithm = excluded.algorithm, public = excluded.public,
        fetched_at = excluded.fetched_at WHERE keys.private IS NULL
        """,
        writer.new_id(),
        key.actor,
        key.uri,
        key.algorithm,
        key.public,
        key.private,
        writer.now_ms,
        None if key.fetched_at is None else milliseconds(key.fetched_at),
    )


def by_uri(reader: Reader, uri: str) -> Key | None:
    row = reader.row(
        "SELECT uri, actor, algorithm, public, private, fetched_at FROM keys"
        " WHERE uri = ? AND revoked_at IS NULL",
        uri,
    )
    return _from_row(row) if row else None


def of_actor(reader: Reader, actor: ActorId) -> list[Key]:
    rows = reader.rows(
        "SELECT uri, actor, algorithm, public, private, fetched_at FROM keys"
        " WHERE actor = ? AND revoked_at IS NULL ORDER BY id",
        actor,
    )
    return [_from_row(row) for row in rows]


def signing(reader: Reader, actor: ActorId) -> Key:
    """The key with which one of ours signs requests."""
    for key in of_actor(reader, actor):
        if key.algorithm == "rsa" and key.private:
            return key
    raise LookupError(f"actor {actor} has no signing key")


def forget_others(writer: Writer, actor: ActorId, uris: list[str]) -> None:
    """Forget keys that the actor no longer lists, after a fetch."""
    for key in of_actor(writer, actor):
        if key.uri not in uris and key.private is None:
            writer.execute("DELETE FROM keys WHERE uri = ?", key.uri)
