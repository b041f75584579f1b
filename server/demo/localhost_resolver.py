"""Names that end in .localhost lead to this machine (RFC 6761 §6.3), whatever the system says."""

import socket

from aiohttp import AsyncResolver
from aiohttp.abc import AbstractResolver, ResolveResult


class LocalNames(AbstractResolver):
    """Resolver for development: `*.localhost` is loopback; all other names are the system's."""

    def __init__(self) -> None:
        self._system: AbstractResolver | None = None

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        if host == "localhost" or host.endswith(".localhost"):
            return [
                ResolveResult(
                    hostname=host,
                    host="127.0.0.1",
                    port=port,
                    family=socket.AF_INET,
                    proto=0,
                    flags=socket.AI_NUMERICHOST,
                )
            ]
        if self._system is None:
            self._system = AsyncResolver()
        return await self._system.resolve(host, port, family)

    async def close(self) -> None:
        if self._system is not None:
            await self._system.close()
