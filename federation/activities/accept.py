"""`Accept`: an actor agrees to what another asked."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar

from federation.activities.shared.wrapping import Wrapping
from federation.activity import Activity
from federation.vocabulary.json_documents import Document
from storage.engine.transaction import Reader, Writer
from storage.people import actors


@dataclass(frozen=True, slots=True, kw_only=True)
class Accept(Wrapping):
    """Acceptance of an activity; who may accept, and what follows, is the inner verb's affair.

    `result` is the URI of what one of ours gave with it: the stamp on a quote.
    """

    type: ClassVar[str] = "Accept"
    result: str | None = None

    def render(self) -> Document:
        given = {} if self.result is None else {"result": self.result}
        return {**super(Accept, self).render(), **given}

    def apply(self, writer: Writer) -> Sequence[Activity]:
        return self.find_inner(writer).accept(writer, self)

    def audience(self, reader: Reader) -> Collection[str]:
        return asker_inbox(reader, self)


def asker_inbox(reader: Reader, answer: Wrapping) -> Collection[str]:
    """Inbox in which whoever asked hears the answer, if they live elsewhere."""
    asker = actors.by_uri(reader, answer.find_inner(reader).actor)
    return (asker.inbox,) if asker and not asker.is_local else ()
