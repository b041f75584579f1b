"""`Move`: an actor goes on under another address, and those who follow come along (SECURITY 25)."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Self

from federation.activities.block import Block
from federation.activities.follow import Follow
from federation.activities.shared.reactions import find_actor
from federation.activities.undo import Undo
from federation.activity import Activity, heading
from federation.errors import Forbidden
from federation.vocabulary import uris
from federation.vocabulary.json_documents import Document, uri_of
from storage.engine.transaction import Reader, Writer
from storage.moderation import decisions
from storage.people import actors, blocks, follows, moves
from storage.people.actors import Actor

COOL_DOWN = timedelta(days=7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Move(Activity):
    """`target` is the URI of the new account, which names the old one among its aliases."""

    type: ClassVar[str] = "Move"
    target: str

    @classmethod
    def parse(cls, document: Document) -> Self:
        head = heading(document)
        if uri_of(document.get("object")) != head["actor"]:
            raise Forbidden("Only they themselves can move.")
        return cls(**head, target=uri_of(document.get("target")))

    def render(self) -> Document:
        return self.about(self.actor, target=self.target, to=[f"{self.actor}/followers"])

    def subject(self) -> str:
        return self.actor

    def fresh(self, reader: Reader) -> Collection[str]:
        """URI of the new account, to be fetched anew: an old copy could not know of the move."""
        return (self.target,)

    def apply(self, writer: Writer) -> Sequence[Activity]:
        old, new = find_actor(writer, self.actor), find_actor(writer, self.target)
        ensure_allowed(writer, old, new)
        moves.note(writer, old.id, new.uri)
        moves.carry(writer, old.id, new.id)
        if old.silenced & decisions.SILENCED:
            decisions.silence(writer, new.id)  # it is the same person
        return [*self._block_anew(writer, old, new), *self._follow_on(writer, old, new)]

    def _block_anew(self, writer: Writer, old: Actor, new: Actor) -> Iterator[Activity]:
        """Block the new account for all who blocked the old: nobody evades a block by moving."""
        blockers = actors.many(writer, moves.local_blockers(writer, old.id))
        for blocker in blockers.values():
            if blocker.id != new.id and not blocks.exists(writer, blocker.id, new.id):
                yield Block(id=_new(writer), actor=blocker.uri, target=new.uri)

    def _follow_on(self, writer: Writer, old: Actor, new: Actor) -> Iterator[Activity]:
        """Our followers follow the new account, with the same options, and the old one no more."""
        people = actors.many(
            writer, [one.follower for one in follows.local_followers(writer, old.id)]
        )
        for follow in follows.local_followers(writer, old.id):
            follower = people[follow.follower]
            if self._may_follow(writer, follower, new):
                options = (follow.reblogs, follow.notify, follow.languages)
                yield Follow(id=_new(writer), actor=follower.uri, target=new.uri, options=options)
            said = Follow(id=follow.uri, actor=follower.uri, target=old.uri)
            yield Undo(id=_new(writer), actor=follower.uri, inner=said)

    def _may_follow(self, reader: Reader, follower: Actor, new: Actor) -> bool:
        return (
            follower.id != new.id
            and follower.effective_state == "active"
            and not blocks.either(reader, follower.id, new.id)
            and follows.between(reader, follower.id, new.id) is None
        )

    def audience(self, reader: Reader) -> Collection[str]:
        actor = actors.by_uri(reader, self.actor)
        return follows.inboxes(reader, actor.id) if actor else ()


def ensure_allowed(reader: Reader, old: Actor, new: Actor) -> None:
    """Raise Forbidden unless the new account says that it is the old one too, and stays put."""
    if new.id == old.id or old.uri not in new.also_known_as:
        raise Forbidden("The new account does not name the old one among its aliases.")
    if new.effective_state != "active" or new.moved_to is not None:
        raise Forbidden("The new account is not there, or has moved on itself.")
    last = moves.last(reader, old.id)
    if last is not None and old.moved_to != new.uri and reader.now - last < COOL_DOWN:
        raise Forbidden("They have moved already within the last seven days.")


def _new(writer: Writer) -> str:
    return uris.activity(writer.site, writer.new_id())
