"""`Update`: an actor changed their profile, or what they said."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from federation.activities.create import (
    Create,
    complete_object,
    inboxes,
    inboxes_reached,
    references,
)
from federation.activities.shared import attached_media, edits
from federation.activities.shared.reactions import find_actor
from federation.activity import Activity, Unwanted, heading
from federation.errors import Forbidden, Malformed
from federation.objects import actor as actor_object
from federation.objects import note
from federation.objects.note import Note
from federation.vocabulary.contexts import with_context
from federation.vocabulary.json_documents import Document, embedded, is_a
from federation.vocabulary.uris import PUBLIC
from storage.engine.ids import PostId
from storage.engine.transaction import Reader, Writer
from storage.media.emojis import Emoji
from storage.people import actors, follows
from storage.people.actors import Actor
from storage.posts import delivery_targets, posts


@dataclass(frozen=True, slots=True, kw_only=True)
class Update(Activity):
    """`profile` or `note`, by the same actor. Keys are never learned from it (SECURITY 9).

    `rendered` is the whole document where one of ours changed; `suspended`: another’s server says
    that they are.
    """

    type: ClassVar[str] = "Update"
    profile: Actor | None = None
    note: Note | None = None
    emojis: tuple[Emoji, ...] = ()
    suspended: bool = False
    rendered: Mapping[str, Any] | None = None

    @classmethod
    def parse(cls, document: Document) -> Self:
        what = embedded(document.get("object"))
        head = heading(document)
        if is_a(what, *actor_object.TYPES):
            said_of = actor_object.parse(what)
            if said_of.row.uri != head["actor"]:
                raise Forbidden("Only they themselves can change a profile.")
            return cls(
                **head,
                profile=said_of.row,
                emojis=said_of.emojis,
                suspended=said_of.suspended,
            )
        said = note.parse(complete_object(document), head["actor"])
        if said.author != head["actor"]:
            raise Forbidden("Only its author can change a post.")
        return cls(**head, note=said)

    def render(self) -> Document:
        if self.note is not None:
            said = note.render(self.note)
            return self.about(said, to=list(self.note.to), cc=list(self.note.cc))
        if self.rendered is None:
            raise Malformed("Nothing of ours is in it.")
        return self.about(dict(self.rendered), to=[PUBLIC], cc=[f"{self.actor}/followers"])

    def document(self) -> Document:
        context = "post" if self.note else "suspended" if self._tells_state else "actor"
        return with_context(context, self.render())

    @property
    def _tells_state(self) -> bool:
        """Whether one of ours was turned out, or let in again."""
        return self.rendered is not None and "suspended" in self.rendered

    def subject(self) -> str:
        return self.note.id if self.note else self.actor

    def post(self, reader: Reader) -> PostId | None:
        known = posts.by_uri(reader, self.note.id) if self.note else None
        return known.id if known else None

    def apply(self, writer: Writer) -> Sequence[Activity]:
        actor = find_actor(writer, self.actor)
        if self.note is not None:
            self._revise(writer, actor, self.note)
        elif self.profile is not None and not actor.is_local:
            actors.update(writer, merge(actor, self.profile, writer))
            attached_media.learn_emoji(writer, actor, self.emojis)
            attached_media.heed_suspension(writer, actor, self.suspended)
        return ()

    def _revise(self, writer: Writer, actor: Actor, said: Note) -> None:
        known = posts.by_uri(writer, said.id)
        if known is None:
            self._begin(writer, said)
            return
        if known.author != actor.id:
            raise Forbidden("Only its author can change a post.")
        edits.revise(writer, actor, known, said)

    def _begin(self, writer: Writer, said: Note) -> None:
        """An edit that speaks to one of ours, of what we had no part in until then."""
        if not self._newly_mentioned(writer, said) or posts.exists(writer, said.id) or said.vote:
            raise Unwanted("What was changed is not known here.")
        Create(id=self.id, actor=self.actor, note=said).apply(writer)

    def ensure_wanted(self, reader: Reader) -> None:
        """Ensure that it is of somebody or something known here, or to one of ours now."""
        if reader.site.owns(self.actor):
            return
        if self.note is None:
            if actors.by_uri(reader, self.actor) is None:
                raise Unwanted("Who changed is not known here.")
        elif not posts.exists(reader, self.note.id) and not self._newly_mentioned(
            reader, self.note
        ):
            raise Unwanted("What was changed is not known here.")

    def _newly_mentioned(self, reader: Reader, said: Note) -> list[str]:
        return [mention.href for mention in said.mentions if reader.site.owns(mention.href)]

    def needs(self, reader: Reader) -> Collection[str]:
        """URIs that a post refers to now."""
        if self.note is None:
            return (self.actor,)
        return (self.actor, *references(self.note))

    def audience(self, reader: Reader) -> Collection[str]:
        """Inboxes that the post reached, and of those whom it speaks to now."""
        actor = actors.by_uri(reader, self.actor)
        if self.note is not None:
            known = posts.by_uri(reader, self.note.id)
            before = inboxes_reached(reader, actor, known) if actor and known else set()
            return before | inboxes(reader, self.actor, self.note)
        if actor is None:
            return ()
        if self._tells_state:
            return delivery_targets.inboxes_of_acquaintances(reader, actor.id)
        return follows.inboxes(reader, actor.id)


def merge(known: Actor, with_context: Actor, writer: Writer) -> Actor:
    """Actor with what a document may change: never number, URI, handle or moment of arrival."""
    access = "private" if known.access == "private" else with_context.access  # once private, always
    return replace(
        with_context,
        id=known.id,
        name=known.name,
        domain=known.domain,
        host=known.host,
        type=known.type,
        access=access,
        moderation_state=known.moderation_state,
        remote_suspended=known.remote_suspended,
        host_blocked=known.host_blocked,
        created_at=known.created_at,
        fetched_at=writer.now,
    )
