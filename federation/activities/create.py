"""`Create`: an actor says something new."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from federation.activities.shared import incoming_post, votes
from federation.activities.shared.reactions import author_inbox, find_actor
from federation.activity import Activity, Unwanted, heading
from federation.errors import Forbidden
from federation.objects import note
from federation.objects.note import Note, stamp
from federation.policy import ensure_allowed
from federation.vocabulary.json_documents import Document, embedded
from storage.engine.ids import PostId
from storage.engine.transaction import Reader, Writer
from storage.people import actors, follows
from storage.people.actors import Actor
from storage.posts import delivery_targets, posts
from storage.posts.posts import Post

MOST_FETCHED_MENTIONS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Create(Activity):
    """`note` is by the same actor, on the same server (SECURITY 16); it may be a vote.

    `background` is for what we fetched ourselves: kept, but nobody is told. `confirmed` where the
    origin of the post says that it is by this actor: else whoever was first keeps a URI.
    """

    type: ClassVar[str] = "Create"
    context: ClassVar[str] = "post"
    note: Note
    background: bool = False
    confirmed: bool = False

    @classmethod
    def parse(cls, document: Document) -> Self:
        head = heading(document)
        said = note.parse(complete_object(document), head["actor"])
        created = cls(**head, note=said)
        if said.author != created.actor:
            raise Forbidden("Only its author can publish a post.")
        return created

    def render(self) -> Document:
        return self.about(
            note.render(self.note),
            published=stamp(self.note.published),
            to=list(self.note.to),
            cc=list(self.note.cc),
        )

    def subject(self) -> str:
        return self.note.id

    def post(self, reader: Reader) -> PostId | None:
        return posts.number_of(reader, self.note.id)

    def is_contested(self, reader: Reader) -> bool:
        """Whether a neighbour on their server has its URI: only its origin knows whose it is."""
        return not self.note.vote and posts.is_anothers(reader, self.note.id, self.actor)

    def ensure_wanted(self, reader: Reader) -> None:
        """Ensure that its author is followed here, or speaks to one of ours."""
        if self.background or reader.site.owns(self.actor):
            return
        author = actors.by_uri(reader, self.actor)
        if author is not None and follows.is_followed_here(reader, author.id):
            return
        answered = posts.by_uri(reader, self.note.in_reply_to) if self.note.in_reply_to else None
        if answered is not None and answered.local:
            return
        if not any(actors.our_number(reader, uri) for uri in self.note.named):
            raise Unwanted("Nobody here follows its author, and it is to nobody here.")

    def needs(self, reader: Reader) -> Collection[str]:
        """Author, what it answers and quotes, and a few of those it mentions."""
        if self.note.vote or posts.exists(reader, self.note.id):
            return (self.actor,)
        return (self.actor, *references(self.note))

    def apply(self, writer: Writer) -> Sequence[Activity]:
        author = find_actor(writer, self.actor)
        if not author.is_local and writer.site.owns(self.note.id):
            raise Forbidden("Nobody else can say what is on our server.")
        if actors.by_uri(writer, self.note.id) is not None:
            raise Forbidden("That is somebody, and no post.")
        if self.confirmed and self.is_contested(writer):
            posts.give_up(writer, self.note.id)
        if posts.exists(writer, self.note.id):
            return ()  # known, whoever has it (SECURITY 18)
        if self.note.vote:
            if self.background:
                raise Unwanted("It is a choice in a poll, and no post.")
            votes.cast(writer, author, self.note)
            return ()
        if posts.was_deleted_early(writer, self.note.id, self.actor):
            raise Unwanted("It was deleted before it came.")
        self._arrive(writer, author)
        return ()

    def _arrive(self, writer: Writer, author: Actor) -> None:
        arrival = incoming_post.prepare(writer, author, self.note)
        if arrival.parent is not None:
            ensure_allowed(writer, arrival.parent, "reply", author)
        if not (author.is_local or self.background):
            incoming_post.ensure_wanted(writer, arrival)
        incoming_post.keep(writer, arrival)
        if not self.background:
            incoming_post.spread(writer, arrival)

    def audience(self, reader: Reader) -> Collection[str]:
        if self.note.vote:
            return author_inbox(reader, self.note.in_reply_to or "")
        return inboxes(reader, self.actor, self.note)


def complete_object(document: Document) -> Document:
    """Object of a Create or an Update, with what only the activity around it tells.

    Author and addressing are taken from there where the object has none at all: an empty `to` is
    a word, too, and an object that has one is addressed by itself.
    """
    what = embedded(document.get("object"))
    more = {} if "attributedTo" in what else {"attributedTo": document.get("actor")}
    if "to" not in what and "cc" not in what:
        more |= {name: document[name] for name in ("to", "cc") if name in document}
    return {**what, **more}


def references(said: Note) -> list[str]:
    """URIs needed to understand a post: what it answers and quotes, some of whom it mentions."""
    about = [uri for uri in (said.in_reply_to, said.quote) if uri]
    return [*about, *(mention.href for mention in said.mentions[:MOST_FETCHED_MENTIONS])]


def inboxes(reader: Reader, author: str, said: Note) -> set[str]:
    """Inboxes for a post of ours: of those it names, and of followers where it is theirs."""
    who, addressed = actors.our_number(reader, author), said.own
    if who is None or addressed is None or addressed.local_only:
        return set()
    found = set(named_inboxes(reader, said.named))
    kind, owner = addressed.audience.kind, addressed.audience.owner
    if kind == "public" or (kind == "followers" and owner == who):
        found.update(follows.inboxes(reader, who))
    return found


def named_inboxes(reader: Reader, named: Collection[str]) -> list[str]:
    known = actors.many(reader, actors.ids_by_uri(reader, named).values())
    return [actor.inbox_for_many for actor in known.values() if not actor.is_local]


def inboxes_reached(reader: Reader, author: Actor, known: Post) -> set[str]:
    """Servers that have a post of ours, as far as we know: for whom it was, and whom it came to."""
    if known.local_only:
        return set()
    named = [recipient.actor for recipient in posts.recipients(reader, known.id)]
    uris = [who.uri for who in actors.many(reader, named).values()]
    found = {*named_inboxes(reader, uris), *delivery_targets.inboxes_of_reactions(reader, known.id)}
    if known.kind == "public" or (known.kind == "followers" and known.owner == author.id):
        found.update(follows.inboxes(reader, author.id))
    return found
