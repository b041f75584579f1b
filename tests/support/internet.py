"""A small internet in one process: host names resolve to test servers."""

import socket
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from ssl import SSLContext

from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.test_utils import TestServer

LOOPBACK = "127.0.0.1"


class Internet(AbstractResolver):
    """A resolver that knows the hosts it was told about, and no others.

    `ports` puts a host on loopback; `answer` gives it any addresses, also other ones at each
    lookup. A server's port is the host's, whatever port the URL has.
    """

    def __init__(self) -> None:
        self.ports: dict[str, int] = {}
        self.asked: list[str] = []
        self._answers: dict[str, deque[list[str]]] = {}

    def answer(self, host: str, *lookups: Sequence[str], port: int) -> None:
        """Let the first lookup find the first addresses, and so on; the last ones stay."""
        self.ports[host] = port
        self._answers[host] = deque(list(addresses) for addresses in lookups)

    @asynccontextmanager
    async def serving(
        self, app: web.Application, *hosts: str, ssl: SSLContext | None = None
    ) -> AsyncIterator[int]:
        """Run a server under these names; gives its port."""
        server = TestServer(app, host=LOOPBACK)
        await server.start_server(ssl=ssl)
        try:
            assert server.port is not None
            self.ports.update(dict.fromkeys(hosts, server.port))
            yield server.port
        finally:
            await server.close()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        self.asked.append(host)
        if host not in self.ports:
            raise OSError(socket.EAI_NONAME, f"{host} is not on this internet")
        return [_result(host, address, self.ports[host]) for address in self._next(host)]

    async def close(self) -> None: ...

    def _next(self, host: str) -> list[str]:
        lookups = self._answers.get(host, deque([[LOOPBACK]]))
        return lookups.popleft() if len(lookups) > 1 else lookups[0]


def _result(host: str, address: str, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST,
    )
