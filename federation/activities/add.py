"""`Add`: an actor pins a post of theirs."""

from collections.abc import Collection, Sequence
from typing import ClassVar

from federation.activities.shared.featured import MOST, MOST_OF_OTHERS, Featuring
from federation.activity import Activity
from federation.errors import Forbidden
from storage.engine.transaction import Reader, Writer
from storage.people import actors, follows
from storage.posts import pins


class Add(Featuring):
    """Addition to the collection `featured`; of other collections we know nothing yet."""

    type: ClassVar[str] = "Add"

    def needs(self, reader: Reader) -> Collection[str]:
        """The post is fetched only for somebody whom one of ours follows."""
        actor = actors.by_uri(reader, self.actor)
        if actor is None or not follows.is_followed_here(reader, actor.id):
            return (self.actor,)
        return (self.actor, self.what)

    def apply(self, writer: Writer) -> Sequence[Activity]:
        actor, post = self.both(writer)
        if post.kind not in ("public", "followers", "instance") or post.owner not in (
            None,
            actor.id,
        ):
            raise Forbidden("Only what is for everyone, or for your followers, can be pinned.")
        most = MOST if actor.is_local else MOST_OF_OTHERS
        if not pins.add(writer, actor.id, post.id, most):
            raise Forbidden(f"There are {most} pinned posts already, and there can be no more.")
        return ()
