"""Common ground of Add and Remove: a post that its author shows first, or no more."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Self

from federation.activities.shared.reactions import find_actor
from federation.activity import Activity, Unknown, Unwanted, heading
from federation.errors import Forbidden
from federation.vocabulary.json_documents import Document, uri_of
from storage.engine.ids import PostId
from storage.engine.transaction import Reader
from storage.people import actors, follows
from storage.people.actors import Actor
from storage.posts import posts
from storage.posts.posts import Post

MOST = 5
MOST_OF_OTHERS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Featuring(Activity):
    """Change of what is shown first: `what` is a post's URI, `target` its author's `featured`."""

    what: str
    target: str

    @classmethod
    def parse(cls, document: Document) -> Self:
        return cls(
            **heading(document),
            what=uri_of(document.get("object")),
            target=uri_of(document.get("target")),
        )

    def render(self) -> Document:
        return self.about(self.what, target=self.target)

    def subject(self) -> str:
        return self.what

    def post(self, reader: Reader) -> PostId | None:
        known = posts.by_uri(reader, self.what)
        return known.id if known else None

    def both(self, reader: Reader) -> tuple[Actor, Post]:
        """Owner of the collection, and the post, which is theirs. Raises FederationError."""
        actor = find_actor(reader, self.actor)
        if actor.featured is None or self.target != actor.featured:
            raise Unwanted("That is not what they show first.")
        post = posts.by_uri(reader, self.what)
        if post is None:
            raise Unknown("The post is not known here.")
        if post.author != actor.id:
            raise Forbidden("Only an author shows a post first.")
        return actor, post

    def audience(self, reader: Reader) -> Collection[str]:
        """Followers, where the post left this server."""
        actor, post = actors.by_uri(reader, self.actor), posts.by_uri(reader, self.what)
        if actor is None or post is None or post.local_only or post.kind == "instance":
            return ()
        return follows.inboxes(reader, actor.id)
