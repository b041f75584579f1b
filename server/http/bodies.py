"""Room for what callers send while it comes in (SECURITY 39, 46, 89).

Small bodies need none. Larger ones take a place, few for one member or network, and whoever sends
slowly has an end: so nobody fills our memory by beginning a lot and finishing nothing.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from federation.transport.places import Places
from federation.transport.sources import network_of
from server.http.app_keys import BODY_LIMIT
from server.http.auth import CurrentUser, address_of
from server.http.errors import Refused

SMALL = 64 * 1024
LARGE = 1024 * 1024
PATIENCE = 30.0  # seconds for a body of up to a megabyte,
LONG_PATIENCE = 300.0  # and for a larger one


class Bodies:
    """Places for bodies that are under way."""

    def __init__(self) -> None:
        self.large = Places("bodies over 64 kB", most=64, each=8, waiting=256)
        self.largest = Places("bodies over 1 MB", most=12, each=4, waiting=64)

    @asynccontextmanager
    async def room_for(
        self, request: web.Request, most: int, user: CurrentUser
    ) -> AsyncIterator[None]:
        """Hold a place until the answer is there. Raises Busy where many wait for one."""
        size = _size_of(request, most)
        if size <= SMALL:
            yield
            return
        member = user.actor
        source = f"member {member.id}" if member else network_of(address_of(request))
        places = self.large if size <= LARGE else self.largest
        async with places.wait_and_hold(*([source] if source else [])):
            yield


BODIES = web.AppKey("bodies", Bodies)


def _size_of(request: web.Request, most: int) -> int:
    """Bytes in memory at the most: what is packed, or does not say its length, may be as large."""
    if not request.body_exists:
        return 0
    if request.content_length is None or "Content-Encoding" in request.headers:
        return most
    return request.content_length


@asynccontextmanager
async def in_time(request: web.Request) -> AsyncIterator[None]:
    """Read a body within the time for one of its size. Raises Refused: 408."""
    large = _size_of(request, request.get(BODY_LIMIT, 0)) > LARGE
    try:
        async with asyncio.timeout(LONG_PATIENCE if large else PATIENCE):
            yield
    except TimeoutError as error:
        raise Refused(408, "What was sent took too long to come. Nothing was changed.") from error
