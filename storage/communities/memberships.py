"""Named sets of actors with roles and states: members, stewards, circles, neighbours."""

from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer


def make(writer: Writer, owner: ActorId, kind: str, uri: str | None = None, name: str = "") -> int:
    """Return the collection's number, made if need be."""
    known = find(writer, owner, kind, name)
    if known is not None:
        return known
    id_ = writer.new_id()
    writer.execute(
        "INSERT INTO collections (id, owner, kind, name, uri, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        id_,
        owner,
        kind,
        name,
        uri,
        writer.now_ms,
    )
    return id_


def find(reader: Reader, owner: ActorId, kind: str, name: str = "") -> int | None:
    id_: int | None = reader.value(
        "SELECT id FROM collections WHERE owner = ? AND kind = ? AND name = ?", owner, kind, name
    )
    return id_


def put(
    writer: Writer, collection: int, actor: ActorId, state: str = "active", role: str = "member"
) -> None:
    writer.execute(
        "INSERT INTO collection_members (collection, actor, role, state, since)"
        " VALUES (?, ?, ?, ?, ?) ON CONFLICT (collection, actor) DO UPDATE"
        " SET role = excluded.role, state = excluded.state, since = excluded.since",
        collection,
        actor,
        role,
        state,
        writer.now_ms,
    )


def remove(writer: Writer, collection: int, actor: ActorId) -> None:
    writer.execute(
        "DELETE FROM collection_members WHERE collection = ? AND actor = ?", collection, actor
    )


def actors(reader: Reader, collection: int, state: str = "active") -> list[ActorId]:
    rows = reader.rows(
        "SELECT actor FROM collection_members WHERE collection = ? AND state = ? ORDER BY since",
        collection,
        state,
    )
    return [actor for (actor,) in rows]
