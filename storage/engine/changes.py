"""Changes that listeners are told of after a commit. Only hints: the tables hold the truth."""

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

log = logging.getLogger(__name__)


class Change(NamedTuple):
    """Notice that something about `subject` changed; `key` says which one, where that matters."""

    subject: str
    key: str = ""


Listener = Callable[[Change], None]


class Changes:
    """Listeners by subject. It must be quick; where it fails, that is logged."""

    def __init__(self) -> None:
        self._listeners: dict[str, list[Listener]] = {}

    @contextmanager
    def listen(self, subject: str, listener: Listener) -> Iterator[None]:
        listeners = self._listeners.setdefault(subject, [])
        listeners.append(listener)
        try:
            yield
        finally:
            listeners.remove(listener)

    def tell(self, change: Change) -> None:
        for listener in tuple(self._listeners.get(change.subject, ())):
            try:
                listener(change)
            except Exception:
                log.exception("a listener failed on %s", change)
