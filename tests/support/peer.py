"""Another server, which answers as a test says, with a door that leads to it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from aiohttp import web
from multidict import CIMultiDictProxy

from federation.transport.http_client import HttpClient
from tests.support.internet import Internet


@dataclass
class Peer:
    """A server under any name; it answers as the test says and remembers what was asked."""

    answers: dict[str, Callable[[web.Request], Awaitable[web.StreamResponse]]]
    internet: Internet
    http_client: HttpClient
    requests: list[tuple[str, str, CIMultiDictProxy[str], bytes]] = field(default_factory=list)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        seen = (request.method, f"{request.host}{request.path_qs}", request.headers)
        self.requests.append((*seen, await request.read()))
        return await self.answers[request.path](request)

    def says(self, path: str, body: bytes = b"", status: int = 200, **headers: str) -> None:
        named = {name.replace("_", "-"): value for name, value in headers.items()}

        async def answer(_: web.Request) -> web.Response:
            return web.Response(body=body, status=status, headers=named)

        self.answers[path] = answer

    def leads(self, path: str, location: str, status: int = 302) -> None:
        self.says(path, status=status, Location=location)

    @property
    def urls(self) -> list[str]:
        return [url for _, url, _, _ in self.requests]


@asynccontextmanager
async def peer_and_door() -> AsyncIterator[Peer]:
    """away.example and other.example are one server; we are home.example."""
    internet = Internet()
    http_client = HttpClient(
        user_agent="Kith/test",
        own_authority="home.example",
        development=True,
        resolver=internet,
        allow_loopback=True,
    )
    peer, app = Peer({}, internet, http_client), web.Application(client_max_size=4 * 1024 * 1024)
    app.router.add_route("*", "/{path:.*}", peer.handle)
    async with internet.serving(app, "away.example", "other.example"), http_client:
        yield peer
