"""`Create`: an actor says something new."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Self

from federation.activities import arriving
from federation.activities.reactions import known_actor
from federation.activity import Activity, Unwanted, heading
from federation.documents import Document, embedded
from federation.errors import Forbidden
from federation.objects import note
from federation.objects.note import Note, stamp
from storage import actors, follows, posts
from storage.units import Reader, Writer

MOST_FETCHED_MENTIONS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Create(Activity):
    """`note` is by the same actor, on the same server (SECURITY 16).

    `background` is for what we fetched ourselves: kept, but nobody is told.
    """

    type: ClassVar[str] = "Create"
    context: ClassVar[str] = "post"
    note: Note
    background: bool = False

    @classmethod
    def parse(cls, document: Document) -> Self:
        said = note.parse(embedded(document.get("object")))
        created = cls(**heading(document), note=said)
        if said.author != created.actor:
            raise Forbidden("Only its author can publish a post.")
        return created

    def render(self) -> dict[str, Any]:
        return self.about(
            note.render(self.note),
            published=stamp(self.note.published),
            to=list(self.note.to),
            cc=list(self.note.cc),
        )

    def subject(self) -> str:
        return self.note.id

    def post(self, reader: Reader) -> int | None:
        known = posts.by_uri(reader, self.note.id)
        return known.id if known else None

    def needs(self, reader: Reader) -> Collection[str]:
        """Author, what it answers, and a few of those it mentions."""
        mentioned = [mention.href for mention in self.note.mentions[:MOST_FETCHED_MENTIONS]]
        answered = [self.note.in_reply_to] if self.note.in_reply_to else []
        return (self.actor, *answered, *mentioned)

    def apply(self, writer: Writer) -> Sequence[Activity]:
        author = known_actor(writer, self.actor)
        if not author.is_local and writer.here.owns(self.note.id):
            raise Forbidden("Nobody else can say what is on our server.")
        if posts.exists(writer, self.note.id):
            return ()  # known, whoever has it (SECURITY 18)
        if posts.was_deleted_early(writer, self.note.id, self.actor):
            raise Unwanted("It was deleted before it came.")
        arrival = arriving.prepare(writer, author, self.note)
        if not (author.is_local or self.background or arriving.is_wanted(writer, arrival)):
            raise Unwanted("Nobody here follows its author, and it is to nobody here.")
        arriving.keep(writer, arrival)
        if not self.background:
            arriving.spread(writer, arrival)
        return ()

    def audience(self, reader: Reader) -> Collection[str]:
        return inboxes(reader, self.actor, self.note)


def inboxes(reader: Reader, author: str, said: Note) -> set[str]:
    """Where a post of ours goes: to those it names, and to followers where it is for them."""
    who = actors.by_uri(reader, author)
    addressed = said.own
    if who is None or addressed is None or addressed.local_only:
        return set()
    found = set(named_inboxes(reader, said.named))
    kind, owner = addressed.audience.kind, addressed.audience.owner
    if kind == "public" or (kind == "followers" and owner == who.id):
        found.update(follows.inboxes(reader, who.id))
    return found


def named_inboxes(reader: Reader, named: Collection[str]) -> list[str]:
    known = actors.many(reader, actors.ids_by_uri(reader, named).values())
    return [actor.inbox_for_many for actor in known.values() if not actor.is_local]
