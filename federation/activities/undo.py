"""`Undo`: an actor takes back what they said."""

from collections.abc import Sequence
from typing import ClassVar

from federation.activities.shared.wrapping import Wrapping
from federation.activity import Activity
from federation.errors import Forbidden
from storage.engine.transaction import Writer


class Undo(Wrapping):
    """Undo by whoever said it; what that means is the inner verb's affair."""

    type: ClassVar[str] = "Undo"

    def apply(self, writer: Writer) -> Sequence[Activity]:
        inner = self.find_inner(writer)
        if inner.actor != self.actor:
            raise Forbidden("Only who said it may take it back.")
        return inner.undo(writer, self)
