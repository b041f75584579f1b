"""Outgoing activities of our own actors: one stored body for all who hear it."""

from dataclasses import dataclass

from storage.engine.ids import ActorId, PostId
from storage.engine.transaction import Reader, Row, Writer


@dataclass(frozen=True, slots=True)
class Said:
    """`object` orders deliveries; `body` is empty once the `post` it is about is deleted."""

    id: int
    uri: str
    actor: ActorId
    type: str
    object: str
    post: PostId | None
    body: str


_COLUMNS = "id, uri, actor, type, object, post, body"


def add(writer: Writer, said: Said) -> None:
    writer.execute(
        f"INSERT INTO activities ({_COLUMNS}, published_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        said.id,
        said.uri,
        said.actor,
        said.type,
        said.object,
        said.post,
        said.body,
        writer.now_ms,
    )


def has_current_text(reader: Reader, said: Said, *, edited: bool) -> bool:
    """Whether it says of its post what that says now: of the newest Update, or an unedited Create.

    Older ones may be forgotten before newer ones, a Create never: so that one is not compared.
    """
    if said.type == "Create":
        return not edited
    if said.type != "Update":
        return True
    newest: int = reader.value(
        "SELECT max(id) FROM activities WHERE post = ? AND type = 'Update'", said.post
    )
    return said.id == newest


def by_id(reader: Reader, id_: int) -> Said | None:
    row: Row | None = reader.row(f"SELECT {_COLUMNS} FROM activities WHERE id = ?", id_)
    return Said(*row) if row else None
