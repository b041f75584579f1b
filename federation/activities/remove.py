"""`Remove`: an actor pins a post of theirs no more."""

from collections.abc import Sequence
from typing import ClassVar

from federation.activities.shared.featured import Featuring
from federation.activity import Activity
from storage.engine.transaction import Writer
from storage.posts import pins


class Remove(Featuring):
    """Removal from the collection `featured`."""

    type: ClassVar[str] = "Remove"

    def apply(self, writer: Writer) -> Sequence[Activity]:
        actor, post = self.both(writer)
        pins.remove(writer, actor.id, post.id)
        return ()
