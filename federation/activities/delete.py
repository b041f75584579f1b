"""`Delete`: an actor takes down what they said, or leaves altogether."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from federation.activities.create import inboxes_reached, named_inboxes
from federation.activities.shared.reactions import find_actor
from federation.activity import Activity, derived_id, heading
from federation.errors import Forbidden
from federation.transport.urls import host_of, same_origin
from federation.vocabulary.contexts import with_context
from federation.vocabulary.json_documents import Document, uri_of
from federation.vocabulary.uris import PUBLIC
from storage.engine.transaction import Reader, Writer
from storage.people import actors, follows
from storage.people.actors import Actor
from storage.posts import delivery_targets, posts, quotes
from storage.posts.quotes import Quote
from storage.queues import jobs
from storage.queues.job_kinds import EraseActor


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete(Activity):
    """Deletion of a post, of a consent to be quoted, or of the actor itself; `what` is its URI.

    `consent` is the whole QuoteAuthorization, where one of ours takes one back.
    """

    type: ClassVar[str] = "Delete"
    what: str
    consent: Document | None = None

    @classmethod
    def parse(cls, document: Document) -> Self:
        """Read it; one without an id (GoToSocial) gets a stable one, as a Follow does."""
        what = uri_of(document.get("object"))
        if document.get("id") is None:
            derived = derived_id(cls.type, uri_of(document.get("actor")), what)
            document = {**document, "id": derived}
        return cls(**heading(document), what=what)

    def render(self) -> Document:
        if self.what == self.actor:
            return self.about(self.what, to=[PUBLIC])
        what = self.consent or {"id": self.what, "type": "Tombstone"}
        return self.about(what, to=[PUBLIC])

    def document(self) -> Document:
        return with_context("post" if self.consent else self.context, self.render())

    def subject(self) -> str:
        return self.what

    def apply(self, writer: Writer) -> Sequence[Activity]:
        actor = find_actor(writer, self.actor)
        if self.what == self.actor:
            self._leave(writer, actor)
            return ()
        if not same_origin(self.what, self.actor):
            raise Forbidden("Only its author can take a post down.")
        if actors.by_uri(writer, self.what) is not None:
            raise Forbidden("Only they themselves can leave.")
        known = posts.by_uri(writer, self.what)
        stamps = quotes.all_by_stamp(writer, self.what)
        if stamps:
            self._revoke(writer, actor, stamps)
        elif known is None:
            posts.expect_delete(writer, self.what, self.actor, host_of(self.actor))
        elif known.author != actor.id:
            raise Forbidden("Only its author can take a post down.")
        else:
            posts.bury(writer, known)
        return ()

    def _revoke(self, writer: Writer, actor: Actor, stamps: Sequence[Quote]) -> None:
        """Revoke the consent of the quoted author (FEP-044f)."""
        quoted = {one.id: posts.by_id(writer, one.target) for one in stamps}
        own = [id_ for id_, post in quoted.items() if post is None or post.author == actor.id]
        if not own:
            raise Forbidden("Only who was quoted can take back their consent.")
        for id_ in own:
            quotes.decide(writer, id_, quotes.REVOKED)

    def _leave(self, writer: Writer, actor: Actor) -> None:
        """Hidden at once; the rows go later, a few hundred at a time."""
        actors.set_moderation_state(writer, actor.id, "deleted")
        delivery_targets.part_from_all(writer, actor.id)
        jobs.plan(writer, EraseActor(actor.id))

    def audience(self, reader: Reader) -> Collection[str]:
        """Inboxes elsewhere that may have it: asked while it is still known whom it reached."""
        actor = actors.by_uri(reader, self.actor)
        known = posts.by_uri(reader, self.what)
        if actor is None:
            return ()
        if self.what == self.actor:
            return delivery_targets.inboxes_of_acquaintances(reader, actor.id)
        stamp = quotes.by_stamp(reader, self.what)
        if stamp is not None:
            return self._holders(reader, actor, stamp)
        if known is None:
            return follows.inboxes(reader, actor.id)
        return inboxes_reached(reader, actor, known)

    def _holders(self, reader: Reader, actor: Actor, stamp: Quote) -> Collection[str]:
        """Inboxes of the quoter and of all whom the quoted post may have made ask for the stamp."""
        quoted, quoter = posts.by_id(reader, stamp.target), actors.by_id(reader, stamp.actor)
        inboxes = inboxes_reached(reader, actor, quoted) if quoted else set()
        return inboxes | set(named_inboxes(reader, [quoter.uri] if quoter else []))
