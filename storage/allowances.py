"""What a read may cost whoever asks; storage knows nothing of who that is."""

from contextlib import AbstractAsyncContextManager
from contextvars import ContextVar
from typing import Protocol


class Allowance(Protocol):
    """How long each read of a caller may take, and who counts what it cost."""

    @property
    def seconds(self) -> float:
        """Of a processor, until it is interrupted; five times that by the clock."""

    def place(self) -> AbstractAsyncContextManager[None]:
        """Held while one of the readers is in use; may wait, and may refuse."""

    def charge(self, seconds: float) -> None:
        """Processor time that a read took; the whole of `seconds` where it was interrupted."""


ALLOWANCE: ContextVar[Allowance | None] = ContextVar("allowance", default=None)
"""Of whoever is being answered; None for the server's own work."""
