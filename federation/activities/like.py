"""`Like`: an actor favours a post."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar, Self

from federation.activities.shared.reactions import actor_and_post, author_inbox, find_actor
from federation.activity import Activity, heading
from federation.policy import ensure_allowed
from federation.vocabulary.json_documents import Document, uri_of
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.people import actors
from storage.posts import favourites, posts
from storage.reading import notifications


@dataclass(frozen=True, slots=True, kw_only=True)
class Like(Activity):
    """`liked` is the URI of the post."""

    type: ClassVar[str] = "Like"
    favourited: str

    @classmethod
    def parse(cls, document: Document) -> Self:
        return cls(**heading(document), favourited=uri_of(document.get("object")))

    def render(self) -> Document:
        return self.about(self.favourited)

    @classmethod
    def find(cls, reader: Reader, uri: str, by: ActorId) -> Activity | None:
        known = favourites.by_uri(reader, uri, by)
        if known is None:
            return None
        actor, post = actors.by_id(reader, known[0]), posts.by_id(reader, known[1])
        return cls(id=uri, actor=actor.uri, favourited=post.uri) if actor and post else None

    def subject(self) -> str:
        return f"{self.actor} likes {self.favourited}"

    def apply(self, writer: Writer) -> Sequence[Activity]:
        actor, post = actor_and_post(writer, self.actor, self.favourited)
        ensure_allowed(writer, post, "like", actor)
        if favourites.add(writer, self.id, actor.id, post.id):
            notifications.add(writer, post.author, "favourite", actor.id, post.id)
        return ()

    def undo(self, writer: Writer, wrapper: Activity) -> Sequence[Activity]:
        actor = find_actor(writer, self.actor)
        post = posts.by_uri(writer, self.favourited)
        if post is not None and favourites.remove(writer, actor.id, post.id):
            notifications.withdraw(writer, post.author, "favourite", actor.id, post.id)
        return ()

    def audience(self, reader: Reader) -> Collection[str]:
        return author_inbox(reader, self.favourited)
