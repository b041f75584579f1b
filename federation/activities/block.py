"""`Block`: an actor wants nothing to do with another."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from federation.activities.follow import Follow
from federation.activities.reject import Reject
from federation.activities.shared.reactions import find_actor
from federation.activities.undo import Undo
from federation.activity import Activity, Unwanted, heading
from federation.errors import Forbidden
from federation.vocabulary import uris
from federation.vocabulary.json_documents import Document, uri_of
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.people import actors, blocks, follows
from storage.people.actors import Actor
from storage.reading import notifications, timelines


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(Activity):
    """`target` is the URI of the blocked. Between the two, everything ends."""

    type: ClassVar[str] = "Block"
    target: str

    @classmethod
    def parse(cls, document: Document) -> Self:
        return cls(**heading(document), target=uri_of(document.get("object")))

    def render(self) -> Document:
        return self.about(self.target)

    @classmethod
    def find(cls, reader: Reader, uri: str, by: ActorId) -> Activity | None:
        known = blocks.by_uri(reader, uri, by)
        if known is None:
            return None
        actor, target = actors.by_id(reader, known[0]), actors.by_id(reader, known[1])
        return cls(id=uri, actor=actor.uri, target=target.uri) if actor and target else None

    def subject(self) -> str:
        return f"{self.actor} blocks {self.target}"

    def apply(self, writer: Writer) -> Sequence[Activity]:
        actor, target = find_actor(writer, self.actor), find_actor(writer, self.target)
        if actor.id == target.id:
            raise Forbidden("Nobody can block themselves.")
        if not (actor.is_local or target.is_local):
            raise Unwanted("It is about two people of other servers.")
        blocks.add(writer, self.id, actor.id, target.id)
        notifications.forget_between(writer, actor.id, target.id)
        answers = [
            *_end_own_follow(writer, actor, target),
            *_end_their_follow(writer, target, actor),
        ]
        for owner, author in ((actor, target), (target, actor)):
            if owner.is_local:
                timelines.empty_of(writer, owner.id, author.id)
        return answers

    def undo(self, writer: Writer, wrapper: Activity) -> Sequence[Activity]:
        actor, target = find_actor(writer, self.actor), find_actor(writer, self.target)
        blocks.remove(writer, actor.id, target.id)
        return ()

    def audience(self, reader: Reader) -> Collection[str]:
        target = actors.by_uri(reader, self.target)
        return (target.inbox,) if target and not target.is_local else ()


def _end_own_follow(writer: Writer, actor: Actor, target: Actor) -> list[Activity]:
    """End the blocker's follow of whom they block."""
    follow = follows.between(writer, actor.id, target.id)
    if follow is None:
        return []
    if not actor.is_local:
        follows.remove(writer, actor.id, target.id)
        return []
    said = Follow(id=follow.uri, actor=actor.uri, target=target.uri)
    new = uris.activity(writer.site, writer.new_id())
    return [Undo(id=new, actor=actor.uri, inner=said)]


def _end_their_follow(writer: Writer, follower: Actor, blocker: Actor) -> list[Activity]:
    """End the follow of the blocker by whom they block."""
    follow = follows.between(writer, follower.id, blocker.id)
    if follow is None:
        return []
    if not blocker.is_local:
        follows.remove(writer, follower.id, blocker.id)
        return []
    asked = Follow(id=follow.uri, actor=follower.uri, target=blocker.uri)
    new = uris.activity(writer.site, writer.new_id())
    return [Reject(id=new, actor=blocker.uri, inner=asked)]
