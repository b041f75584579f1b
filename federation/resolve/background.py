"""Fetching that nobody waits for: several at once, and one for each domain (SECURITY 89).

What is next is the oldest whose domain has a place free, so that one which lets us wait keeps only
what concerns itself waiting.
"""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from federation.errors import FederationError
from federation.transport.places import Places
from federation.transport.sources import domain_of
from federation.transport.urls import host_of

T = TypeVar("T")

AT_ONCE = 4
LOOKED_AT = 100


@dataclass(frozen=True, slots=True)
class Errand(Generic[T]):
    """Reason to fetch a document: `id` tells it from others, `uri` says where."""

    id: int
    uri: str
    about: T


class Background:
    """Places for one kind of errand, and which errands are under way."""

    def __init__(self, name: str) -> None:
        self.places = Places(name, AT_ONCE, each=1)
        self._taken: set[int] = set()

    async def do_next(
        self, waiting: Iterable[Errand[T]], do: Callable[[T], Awaitable[None]]
    ) -> bool:
        """Do the first that may be done now; return whether there was one."""
        for errand in waiting:
            source = _source(errand.uri)
            if errand.id in self._taken or not self.places.is_free(source):
                continue
            self._taken.add(errand.id)
            try:
                with self.places.hold(source):
                    await do(errand.about)
            finally:
                self._taken.discard(errand.id)
            return True
        return False


def _source(uri: str) -> str:
    try:
        return domain_of(host_of(uri))
    except FederationError:
        return ""
