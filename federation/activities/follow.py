"""`Follow`: an actor asks to hear what another says; all about it, from asking to undoing."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from federation.activities.accept import Accept
from federation.activities.reject import Reject
from federation.activity import Activity, Heading, Unknown, Unwanted, derived_id
from federation.errors import Forbidden, Malformed
from federation.transport.urls import same_origin
from federation.vocabulary import uris
from federation.vocabulary.json_documents import Document, optional_uri, uri_of
from storage.communities import memberships
from storage.engine.errors import Conflict
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.people import actors, blocks, follows, hidden_accounts
from storage.people.actors import Actor
from storage.people.follows import Options
from storage.reading import notifications, timelines


@dataclass(frozen=True, slots=True, kw_only=True)
class Follow(Activity):
    """`target` is the URI of the followed.

    `options` are what only the follower sees.
    """

    type: ClassVar[str] = "Follow"
    target: str
    options: Options | None = None

    @classmethod
    def parse(cls, document: Document) -> Self:
        """Read it; one without an id gets a stable one, derived from who follows whom."""
        actor, target = uri_of(document.get("actor")), uri_of(document.get("object"))
        id_ = optional_uri(document.get("id")) or derived_id(cls.type, actor, target)
        if not same_origin(id_, actor):
            raise Malformed("An activity and its actor belong to one server; these do not.")
        return cls(id=id_, actor=actor, target=target)

    def render(self) -> Document:
        return self.about(self.target)

    @classmethod
    def find(cls, reader: Reader, uri: str, by: ActorId) -> Activity | None:
        known = follows.by_uri(reader, uri, by)
        if known is None:
            return None
        follower = actors.by_id(reader, known.follower)
        target = actors.by_id(reader, known.target)
        if follower is None or target is None:
            return None
        return cls(id=uri, actor=follower.uri, target=target.uri)

    def subject(self) -> str:
        return f"{self.actor} follows {self.target}"

    def apply(self, writer: Writer) -> Sequence[Activity]:
        follower, target = self._both(writer)
        if follower.id == target.id:
            raise Forbidden("Nobody can follow themselves.")
        if not (follower.is_local or target.is_local):
            raise Unwanted("It is about two people of other servers.")
        if target.is_local and self._is_refused(writer, follower, target):
            return (Reject(inner=self, **_by(writer, target)),)
        try:
            new = follows.ask(writer, self.id, follower.id, target.id)
        except Conflict as taken:
            raise Forbidden("Another follow has that id.") from taken
        if self.options is not None:
            follows.set_options(writer, follower.id, target.id, self.options)
        return self._ask_member(writer, follower, target, new) if target.is_local else ()

    def _is_refused(self, writer: Writer, follower: Actor, target: Actor) -> bool:
        return (
            target.type == "Application"
            or target.effective_state != "active"
            or blocks.exists(writer, target.id, follower.id)
            or hidden_accounts.is_host_hidden(writer, target.id, follower.id)
        )

    def _ask_member(
        self, writer: Writer, follower: Actor, target: Actor, new: bool
    ) -> Sequence[Activity]:
        """Ask one of ours to be followed: they accept at once, or find the request waiting.

        Whoever is limited is nobody's follower before that one decides (SECURITY 96).
        """
        known = follows.between(writer, follower.id, target.id)
        waits = target.locked or bool(follower.silenced)
        if waits and (known is None or known.state == "pending"):
            if new:
                notifications.add(writer, target.id, "follow_request", follower.id)
            return ()
        return (Accept(inner=self, **_by(writer, target)),)

    def accept(self, writer: Writer, wrapper: Activity) -> Sequence[Activity]:
        follower, target = self._both(writer)
        if wrapper.actor != target.uri:
            raise Forbidden("Only who is followed may accept.")
        if not follows.accept(writer, follower.id, target.id):
            return ()
        if follower.is_local:
            timelines.fill_from(writer, follower.id, target.id)
        if target.is_local:
            notifications.withdraw(writer, target.id, "follow_request", follower.id, None)
            notifications.add(writer, target.id, "follow", follower.id)
            self._join(writer, follower, target)
        return ()

    def _join(self, writer: Writer, follower: Actor, target: Actor) -> None:
        """Following a community is joining it."""
        members = memberships.find(writer, target.id, "members")
        if target.type == "Group" and members is not None:
            memberships.put(writer, members, follower.id)

    def reject(self, writer: Writer, wrapper: Activity) -> Sequence[Activity]:
        follower, target = self._both(writer)
        if wrapper.actor != target.uri:
            raise Forbidden("Only who is followed may decline.")
        self._end(writer, follower, target)
        return ()

    def undo(self, writer: Writer, wrapper: Activity) -> Sequence[Activity]:
        self._end(writer, *self._both(writer))
        return ()

    def _end(self, writer: Writer, follower: Actor, target: Actor) -> None:
        follows.remove(writer, follower.id, target.id)
        if follower.is_local:
            timelines.empty_of(writer, follower.id, target.id)
        if target.is_local:
            for told in ("follow", "follow_request"):
                notifications.withdraw(writer, target.id, told, follower.id, None)
            members = memberships.find(writer, target.id, "members")
            if members is not None:
                memberships.remove(writer, members, follower.id)

    def audience(self, reader: Reader) -> Collection[str]:
        target = actors.by_uri(reader, self.target)
        return (target.inbox,) if target and not target.is_local else ()

    def _both(self, reader: Reader) -> tuple[Actor, Actor]:
        follower = actors.by_uri(reader, self.actor)
        target = actors.by_uri(reader, self.target)
        if follower is None or target is None:
            raise Unknown("Somebody in it is not known here.")
        return follower, target


def _by(writer: Writer, speaker: Actor) -> Heading:
    return Heading(id=uris.activity(writer.site, writer.new_id()), actor=speaker.uri)
