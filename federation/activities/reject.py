"""`Reject`: an actor declines what another asked, or ends what was agreed."""

from collections.abc import Collection, Sequence
from typing import ClassVar

from federation.activities.accept import asker_inbox
from federation.activities.shared.wrapping import Wrapping
from federation.activity import Activity
from storage.engine.transaction import Reader, Writer


class Reject(Wrapping):
    """Rejection of an activity; who may reject, and what follows, is the inner verb's affair."""

    type: ClassVar[str] = "Reject"

    def apply(self, writer: Writer) -> Sequence[Activity]:
        return self.find_inner(writer).reject(writer, self)

    def audience(self, reader: Reader) -> Collection[str]:
        return asker_inbox(reader, self)
