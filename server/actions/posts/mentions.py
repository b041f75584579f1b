"""Mentions in a text: people known already, or looked up, within three seconds in all."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

from federation.errors import FederationError
from federation.resolve.resolver import Budget
from server.actions.posts.markup import Handle
from server.actions.services import Services
from storage.people.actors import Actor

PATIENCE = 3.0
MOST = 50


async def resolve(services: Services, handles: Sequence[Handle]) -> dict[Handle, Actor]:
    """Find the actors that exist; a name that fails stays text (DECISIONS, Worked questions)."""
    found: dict[Handle, Actor] = {}
    budget = Budget(patience=PATIENCE)

    async def look(handle: Handle) -> None:
        with suppress(FederationError):
            found[handle] = await services.resolver.handle(handle.name, handle.domain or "", budget)

    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE):
            await asyncio.gather(*(look(handle) for handle in handles[:MOST]))
    return {handle: found[handle] for handle in handles if handle in found}
