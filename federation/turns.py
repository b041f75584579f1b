"""Whose turn it is: letters that came are carried out in order, one at a time for each actor.

Who looks for the next one looks for all: a few are read ahead, and nobody asks the database again
while what was read has a letter to give, or nothing has come that could be carried out now.
"""

import asyncio

from storage import received
from storage.database import Database
from storage.received import Received

BATCH = 32


class Turns:
    """What is being worked on, in memory: one process owns the file, so a restart frees it."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._looking = asyncio.Lock()
        self._ahead: list[Received] = []
        self._taken: set[int] = set()
        self._speaking: set[str] = set()
        self._came: set[str] = set()

    def came(self, actor: str) -> None:
        """A letter of theirs was kept: looking again is worth while."""
        self._came.add(actor)

    async def take(self) -> Received | None:
        """The oldest that is due, of an actor of whom none is being carried out; see `end`."""
        async with self._looking:
            letter = self._next()
            if letter is None and (not self._ahead or self._came - self._speaking):
                self._ahead, self._came = [], set()
                self._ahead = await self._database.read(received.next_due, self._taken, BATCH)
                letter = self._next()
            if letter is not None:
                self._taken.add(letter.id)
                self._speaking.add(letter.actor)
            return letter

    def end(self, letter: Received) -> None:
        self._taken.discard(letter.id)
        self._speaking.discard(letter.actor)

    def _next(self) -> Received | None:
        for place, letter in enumerate(self._ahead):
            if letter.actor not in self._speaking:
                return self._ahead.pop(place)
        return None
