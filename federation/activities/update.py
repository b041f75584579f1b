"""`Update`: an actor changed their profile, or what they said."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Self

from federation.activities.create import inboxes
from federation.activities.reactions import known_actor
from federation.activity import Activity, Unwanted, heading
from federation.contexts import stated
from federation.documents import Document, embedded, kind
from federation.errors import Forbidden, Malformed
from federation.objects import actor as actor_object
from federation.objects import note
from federation.objects.note import Note
from federation.uris import PUBLIC
from storage import actors, follows, posts
from storage.actors import Actor
from storage.clock import clamped
from storage.units import Reader, Writer


@dataclass(frozen=True, slots=True, kw_only=True)
class Update(Activity):
    """`profile` or `note`, by the same actor. Keys are never learned from it (SECURITY 9).

    `rendered` is the whole document where one of ours changed.
    """

    type: ClassVar[str] = "Update"
    profile: Actor | None = None
    note: Note | None = None
    rendered: Mapping[str, Any] | None = None

    @classmethod
    def parse(cls, document: Document) -> Self:
        what = embedded(document.get("object"))
        head = heading(document)
        if kind(what) in actor_object.TYPES:
            profile = actor_object.parse(what).row
            if profile.uri != head["actor"]:
                raise Forbidden("Only they themselves can change a profile.")
            return cls(**head, profile=profile)
        said = note.parse(what)
        if said.author != head["actor"]:
            raise Forbidden("Only its author can change a post.")
        return cls(**head, note=said)

    def render(self) -> dict[str, Any]:
        if self.rendered is None:
            raise Malformed("Nothing of ours is in it.")
        to = list(self.note.to) if self.note else [PUBLIC]
        cc = list(self.note.cc) if self.note else [f"{self.actor}/followers"]
        return self.about(dict(self.rendered), to=to, cc=cc)

    def document(self) -> dict[str, Any]:
        context = "actor" if self.note is None else "post"
        return stated(context, self.render())

    def subject(self) -> str:
        return self.note.id if self.note else self.actor

    def post(self, reader: Reader) -> int | None:
        known = posts.by_uri(reader, self.note.id) if self.note else None
        return known.id if known else None

    def apply(self, writer: Writer) -> Sequence[Activity]:
        actor = known_actor(writer, self.actor)
        if self.note is not None:
            self._revise(writer, actor, self.note)
        elif self.profile is not None and not actor.is_local:
            actors.update(writer, merged(actor, self.profile, writer))
        return ()

    def _revise(self, writer: Writer, actor: Actor, said: Note) -> None:
        known = posts.by_uri(writer, said.id)
        if known is None:
            raise Unwanted("What was changed is not known here.")
        if known.author != actor.id:
            raise Forbidden("Only its author can change a post.")
        revised = replace(
            known,
            title=said.title,
            content=said.content,
            spoiler=said.spoiler,
            sensitive=said.sensitive,
            language=said.language,
        )
        if revised != known:  # said again, or relayed by somebody: nobody edited anything
            edited = clamped(said.updated, writer.now)
            posts.revise(writer, replace(revised, edited_at=edited), said.hashtags)

    def audience(self, reader: Reader) -> Collection[str]:
        if self.note is not None:
            return inboxes(reader, self.actor, self.note)
        actor = actors.by_uri(reader, self.actor)
        return follows.inboxes(reader, actor.id) if actor else ()


def merged(known: Actor, stated: Actor, writer: Writer) -> Actor:
    """What a document may change: never number, URI, handle or moment of arrival."""
    access = "private" if known.access == "private" else stated.access  # once private, always
    return replace(
        stated,
        id=known.id,
        name=known.name,
        domain=known.domain,
        host=known.host,
        type=known.type,
        access=access,
        state=known.state,
        created_at=known.created_at,
        fetched_at=writer.now,
    )
