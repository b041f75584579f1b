"""Audiences as data: the row behind Mastodon's visibilities and AS2's to and cc."""

from dataclasses import dataclass
from typing import Literal, get_args

from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer

AudienceKind = Literal[
    "public", "followers", "members", "circle", "instance", "neighbours", "named"
]
KINDS: tuple[AudienceKind, ...] = get_args(AudienceKind)
OPEN_KINDS = ("public", "instance")  # whoever a mention adds could read it before


@dataclass(frozen=True, slots=True)
class Audience:
    """`owner` says whose followers; `collection` which members, circle or neighbours."""

    kind: AudienceKind
    owner: ActorId | None = None
    collection: int | None = None


PUBLIC = Audience("public")
INSTANCE = Audience("instance")
NAMED = Audience("named")


def find(reader: Reader, audience: Audience) -> int | None:
    id_: int | None = reader.value(
        "SELECT id FROM audiences WHERE kind = ? AND ifnull(owner, 0) = ?"
        " AND ifnull(collection, 0) = ?",
        audience.kind,
        audience.owner or 0,
        audience.collection or 0,
    )
    return id_


def ensure(writer: Writer, audience: Audience) -> int:
    """Return its id, made if need be."""
    known = find(writer, audience)
    if known is not None:
        return known
    id_ = writer.new_id()
    writer.execute(
        "INSERT INTO audiences (id, kind, owner, collection) VALUES (?, ?, ?, ?)",
        id_,
        audience.kind,
        audience.owner,
        audience.collection,
    )
    return id_
