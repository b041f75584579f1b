"""Failures of a request to another server, as errors of ours; and whose fault they were."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import aiohttp
from aiohttp.http import HttpProcessingError

from federation.errors import Busy, Silent, Unreachable

FAIR = 5.0  # seconds: who was given fewer to answer is not called silent


@dataclass(slots=True)
class Progress:
    """Progress of a request: who waited for a place of ours in vain was not let down by others.

    `silence` ends it unless something of the body comes.
    """

    placed: bool = False
    host: str = ""
    since: float = 0.0
    silence: asyncio.Timeout | None = None

    def asks(self, host: str) -> None:
        """Note that the request has a place, and asks this host from now on."""
        self.placed, self.host = True, host
        self.since = asyncio.get_running_loop().time()

    @property
    def was_fair(self) -> bool:
        return asyncio.get_running_loop().time() - self.since >= FAIR


@contextmanager
def plain_errors(host: str, progress: Progress) -> Iterator[None]:
    """Turn whatever the network and the client library raise into one error of ours."""
    try:
        yield
    except TimeoutError:
        if not progress.placed:
            raise Busy(f"Too many requests to {host} are under way.") from None
        reason = f"{progress.host or host} took too long to answer"
        raise (
            Silent(reason, progress.host) if progress.was_fair else Unreachable(reason)
        ) from None
    except (aiohttp.ClientError, HttpProcessingError, OSError) as error:
        raise Unreachable(f"{host} {_reason(error)}") from None


_REASONS: tuple[tuple[type[Exception], str], ...] = (
    (aiohttp.ClientConnectorDNSError, "has no address"),
    (aiohttp.ClientConnectorCertificateError, "shows a certificate that is not valid for it"),
    (aiohttp.ClientSSLError, "does not speak TLS as it should"),
    (aiohttp.ClientConnectorError, "does not accept connections"),
    (aiohttp.ServerDisconnectedError, "closed the connection"),
    (aiohttp.ClientOSError, "closed the connection"),
    (aiohttp.ClientPayloadError, "did not finish its answer"),
)


def _reason(error: Exception) -> str:
    reasons = (reason for kind, reason in _REASONS if isinstance(error, kind))
    return next(reasons, "answered with something that is not HTTP")
