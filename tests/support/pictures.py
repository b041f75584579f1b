"""Servers whose pictures a test decides."""

from collections.abc import Awaitable, Callable

from aiohttp import web

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def showing(data: bytes, content_type: str = "image/png", status: int = 200) -> Answer:
    """An answer with these bytes, called what it likes."""

    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(body=data, content_type=content_type, status=status)

    return answer


def elsewhere(url: str) -> Answer:
    async def answer(_request: web.Request) -> web.StreamResponse:
        return web.Response(status=302, headers={"Location": url})

    return answer
