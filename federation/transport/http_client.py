"""The one door out: every HTTP request to another server is made here.

It decides by itself where it may go, which address it connects to, how long it waits and how much
it reads (SECURITY A13, C29, D32-38, E40); callers see our own errors only.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from types import SimpleNamespace
from typing import Self
from urllib.parse import urljoin

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.http import HttpProcessingError
from yarl import URL

from federation.errors import (
    AddressRefused,
    Forbidden,
    Malformed,
    OwnAuthority,
    TooLarge,
)
from federation.transport.failures import Progress, plain_errors
from federation.transport.ip_policy import is_allowed, loopback
from federation.transport.media_types import ACTIVITYSTREAMS, is_html
from federation.transport.places import Places
from federation.transport.pools import POOLS, Pool
from federation.transport.responses import (
    Answer,
    Fetched,
    Inflater,
    document_in,
    is_activity,
    media_type,
    retry_after,
)
from federation.transport.sources import domain_of
from federation.transport.urls import Origin, canonical, origin_of, validate

__all__ = ["USER_AGENT_TOKEN", "Answer", "Fetched", "HttpClient", "Sign", "retry_after"]

USER_AGENT_TOKEN = "Kith"  # noqa: S105 - a product name
"""The product name in our User-Agent, by which we know a request of our own kind (D38)."""

ACCEPT_ACTIVITY = f'application/activity+json, application/ld+json; profile="{ACTIVITYSTREAMS}"'
ACCEPT_JRD = "application/jrd+json, application/json;q=0.9"
ACCEPT_XRD = "application/xrd+xml, application/xml;q=0.9"

DOCUMENT_LIMIT = 1024 * 1024
ANSWER_LIMIT = 64 * 1024
MAXIMUM_REDIRECTS = 3
MAXIMUM_ADDRESSES = 6
NAME_PATIENCE = 5.0  # seconds for a name to become an address


Sign = Callable[[str, str, bytes | None], Mapping[str, str]]
"""method, URL exactly as requested, body → headers to add; called once for each request sent."""


@dataclass(frozen=True, slots=True)
class _Request:
    """Request to send, whatever the hop."""

    method: str
    headers: Mapping[str, str]
    body: bytes | None = None
    sign: Sign | None = None
    pool: Pool = Pool.MEMBERS

    def headers_for(self, target: URL) -> dict[str, str]:
        signed = self.sign(self.method, str(target), self.body) if self.sign else {}
        return {**self.headers, **signed}


@dataclass(slots=True)
class _Attempt:
    """Record of what happened to the connection of one request."""

    reused: bool = False
    opened: bool = False
    refused: bool = False


_attempt: ContextVar[_Attempt | None] = ContextVar("attempt", default=None)


class _RefusedAddress(OSError):
    """An OSError, so that the connector goes on to the host's next address."""


@cache
def load_trusted_certificates() -> ssl.SSLContext:
    """The certificates that the system trusts: read once, some 20 ms."""
    return ssl.create_default_context()


class HttpClient:
    """Client for the whole process, with a pool for each purpose; start() and close().

    Whatever is asked for takes a place in its pool, few for one domain (SECURITY 89): who wants
    one waits for it within the deadline, and gets Busy where many wait already.

    `own_authority` is our own host[:port]; `deliveries` how many may be under way;
    `allow_loopback` is for development and tests.
    """

    def __init__(
        self,
        *,
        user_agent: str,
        own_authority: str,
        development: bool,
        resolver: AbstractResolver | None = None,
        allow_loopback: bool = False,
        per_host: int = 2,
        deliveries: int = 64,
    ) -> None:
        own = origin_of(f"https://{own_authority}")
        self._own_host = own.host
        self._own_ports = {80, 443} if own.port == 443 else {own.port}
        self._user_agent = user_agent
        self._development = development
        self._resolver = resolver
        self._allow_loopback = allow_loopback
        self._per_host = per_host
        self._own_resolver: AbstractResolver | None = None
        self._sessions: dict[Pool, aiohttp.ClientSession] = {}
        self._pools = {**POOLS, Pool.DELIVERIES: (deliveries, deliveries)}
        self.places = {
            pool: Places(f"requests, {pool}", most, each, waiting=4 * most)
            for pool, (most, each) in self._pools.items()
        }

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def start(self) -> None:
        """Open the pools."""
        resolver = _Names(self._resolver or self._system_resolver())
        for pool, (most, each) in self._pools.items():
            per_host = self._per_host if pool is Pool.DELIVERIES else each
            self._sessions[pool] = self._open_session(resolver, most, per_host)

    def _open_session(
        self, resolver: AbstractResolver, most: int, per_host: int
    ) -> aiohttp.ClientSession:
        connector = aiohttp.TCPConnector(
            ssl=load_trusted_certificates(),
            resolver=resolver,
            use_dns_cache=False,  # pooled connections spare the lookups; each new one asks afresh
            limit=most,
            limit_per_host=per_host,
            socket_factory=self._socket,
        )
        return aiohttp.ClientSession(
            connector=connector,
            headers={"User-Agent": self._user_agent, "Accept-Encoding": "gzip, deflate"},
            cookie_jar=aiohttp.DummyCookieJar(),
            trust_env=False,
            auto_decompress=False,  # aiohttp inflates without a cap; Inflater has one
            timeout=aiohttp.ClientTimeout(total=None),  # every method has its own deadline
            trace_configs=[_reuse_trace()],
        )

    async def close(self) -> None:
        """Close all connections; a resolver that was given stays its giver's."""
        for session in self._sessions.values():
            await session.close()
        self._sessions = {}
        if self._own_resolver is not None:
            await self._own_resolver.close()
            self._own_resolver = None

    async def get(
        self,
        url: str,
        *,
        accept: str,
        limit: int = DOCUMENT_LIMIT,
        deadline: float = 10.0,
        first_byte: float | None = None,
        sign: Sign | None = None,
        pool: Pool = Pool.MEMBERS,
    ) -> Answer:
        """GET, following at most three redirects, each checked and signed like a first request.

        `limit` is bytes after decompression, `deadline` seconds for everything together, of them
        `first_byte` until something of the body is there, redirects included.
        """
        request = _Request("GET", {"Accept": accept}, sign=sign, pool=pool)
        progress = Progress()
        with plain_errors(origin_of(url).authority, progress):
            async with asyncio.timeout(deadline), asyncio.timeout(first_byte) as progress.silence:
                return await self._follow(request, url, limit, progress)

    async def post(
        self,
        url: str,
        *,
        body: bytes,
        content_type: str,
        deadline: float = 30.0,
        sign: Sign | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """POST once; a redirect is an answer like others, and 64 kB of the answer are kept.

        Sent again only when a pooled connection turns out to be dead: what we post carries an id,
        so that the other side may see it twice.
        """
        given = {**(headers or {}), "Content-Type": content_type}
        request = _Request("POST", given, body, sign, Pool.DELIVERIES)
        until = asyncio.get_running_loop().time() + deadline
        progress = Progress()
        with plain_errors(origin_of(url).authority, progress):
            target = self._target(url)
            async with (
                asyncio.timeout_at(until) as end,
                self._hold_place(request, target, progress),
                await self._send(request, target) as response,
            ):
                end.reschedule(None)  # the status is known; reading on has an end of its own
                return _answer(response, target, await _glimpse(response, until))

    async def document(
        self,
        url: str,
        *,
        sign: Sign | None = None,
        limit: int = DOCUMENT_LIMIT,
        deadline: float = 10.0,
        pool: Pool = Pool.MEMBERS,
    ) -> Fetched:
        """Fetch an ActivityPub document; any other content type is Malformed (SECURITY C29)."""
        answer = await self.get(
            url, accept=ACCEPT_ACTIVITY, sign=sign, limit=limit, deadline=deadline, pool=pool
        )
        return document_in(answer, is_activity(answer))

    async def jrd(
        self,
        url: str,
        *,
        limit: int = ANSWER_LIMIT,
        deadline: float = 10.0,
        pool: Pool = Pool.MEMBERS,
    ) -> Fetched:
        """Fetch a WebFinger answer (RFC 7033 §10.2), whatever it is called, but no page.

        Path and answer are checked both ways; many hosts serve the file as plain text.
        """
        answer = await self.get(url, accept=ACCEPT_JRD, limit=limit, deadline=deadline, pool=pool)
        return document_in(answer, not is_html(answer.content_type))

    async def host_meta(
        self, url: str, *, deadline: float = 10.0, pool: Pool = Pool.MEMBERS
    ) -> Fetched:
        """Fetch how a host describes itself (RFC 6415 §2), whatever it is called; no page."""
        answer = await self.get(
            url, accept=ACCEPT_XRD, limit=ANSWER_LIMIT, deadline=deadline, pool=pool
        )
        return document_in(answer, not is_html(answer.content_type))

    def _system_resolver(self) -> AbstractResolver:
        self._own_resolver = aiohttp.AsyncResolver()
        return self._own_resolver

    @asynccontextmanager
    async def _hold_place(
        self, request: _Request, target: URL, progress: Progress
    ) -> AsyncIterator[None]:
        """Hold one of the pool's places for the domain that is asked."""
        progress.placed = False
        async with self.places[request.pool].wait_and_hold(domain_of(target.host or "")):
            progress.asks(origin_of(str(target)).authority)
            yield

    async def _follow(self, request: _Request, url: str, limit: int, progress: Progress) -> Answer:
        target = self._target(url)
        seen = {target}
        for _ in range(MAXIMUM_REDIRECTS + 1):
            async with (
                self._hold_place(request, target, progress),
                await self._send(request, target) as response,
            ):
                location = _location(response)
                if location is None:
                    body = await _read(response, limit, silence=progress.silence)
                    return _answer(response, target, body)
            target = self._next(target, location, seen)
        raise Forbidden(f"{target.host} redirects more than {MAXIMUM_REDIRECTS} times")

    def _next(self, target: URL, location: str, seen: set[URL]) -> URL:
        """Check a redirect like a first URL, and that it neither weakens nor repeats."""
        following = self._target(_join(str(target), location))
        if (target.scheme, following.scheme) == ("https", "http"):
            raise Forbidden(f"{target.host} redirects from https to http")
        if following in seen:
            raise Forbidden(f"{target.host} redirects in a circle")
        seen.add(following)
        return following

    def _target(self, url: str) -> URL:
        """Apply every rule that needs no network, and fix what will be sent."""
        origin = origin_of(url)
        if reason := validate(origin, development=self._development):
            raise Forbidden(reason)
        if origin.host == self._own_host and origin.port in self._own_ports:
            raise OwnAuthority(f"{origin.authority} is this server itself")
        target = URL(canonical(url), encoded=True)
        if Origin(target.scheme, target.raw_host or "", target.port or 0) != origin:
            raise Malformed("this URL can be read in two ways")
        return target

    async def _send(self, request: _Request, target: URL) -> aiohttp.ClientResponse:
        """Send, and again when a pooled connection turns out dead: at most per_host are pooled.

        aiohttp does so for GET only (RFC 9110 §9.2.2); each sending has a signature of its own.
        """
        for _ in range(self._per_host):
            attempt = _Attempt()
            try:
                return await self._send_once(request, target, attempt)
            except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError):
                if not attempt.reused:
                    raise
        return await self._send_once(request, target, _Attempt())

    async def _send_once(
        self, request: _Request, target: URL, attempt: _Attempt
    ) -> aiohttp.ClientResponse:
        session = self._sessions.get(request.pool)
        if session is None:
            raise RuntimeError("the door is not open")
        token = _attempt.set(attempt)
        try:
            return await session.request(
                request.method,
                target,
                data=request.body,
                headers=request.headers_for(target),
                allow_redirects=False,
                trace_request_ctx=attempt,
            )
        except aiohttp.ClientConnectorError:
            if attempt.refused and not attempt.opened:
                raise AddressRefused(f"the address of {target.host} is not a public one") from None
            raise
        finally:
            _attempt.reset(token)

    def _socket(self, info: aiohttp.AddrInfoType) -> socket.socket:
        """Guard the address about to be connected, wherever it came from (SECURITY D32)."""
        family, kind, protocol, _, (address, port, *_) = info
        attempt = _attempt.get() or _Attempt()
        if not self._may_connect(address, port):
            attempt.refused = True
            raise _RefusedAddress("refused address")
        attempt.opened = True
        return socket.socket(family, kind, protocol)

    def _may_connect(self, address: str, port: int) -> bool:
        if loopback(address):
            return self._allow_loopback and port not in self._own_ports
        return is_allowed(address)


class _Names(AbstractResolver):
    """Another resolver's answers, in time and cut short.

    Each address costs somebody connection attempts.
    """

    def __init__(self, resolver: AbstractResolver) -> None:
        self._resolver = resolver

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        async with asyncio.timeout(NAME_PATIENCE):
            return (await self._resolver.resolve(host, port, family))[:MAXIMUM_ADDRESSES]

    async def close(self) -> None:
        await self._resolver.close()


async def _read(
    response: aiohttp.ClientResponse,
    limit: int,
    *,
    cut: bool = False,
    silence: asyncio.Timeout | None = None,
) -> bytes:
    """Read the body, decompressed; beyond `limit` bytes, sent or inflated, cut it or TooLarge.

    `silence` ends with the first byte.
    """
    inflater = Inflater(", ".join(response.headers.getall("Content-Encoding", [])).lower())
    body, received = bytearray(), 0
    async for chunk in response.content.iter_any():
        if silence is not None:
            silence.reschedule(None)
        received += len(chunk)
        body += inflater.feed(chunk, limit - len(body) + 1)
        if max(received, len(body)) > limit:
            if cut:
                return bytes(body[:limit])
            raise TooLarge(f"{response.url.host} answers with more than {limit} bytes")
    inflater.finish(received)
    return bytes(body)


async def _glimpse(response: aiohttp.ClientResponse, until: float) -> bytes:
    """Read the start of an answer whose status says it all: one that cannot be read is left."""
    try:
        async with asyncio.timeout_at(until):
            return await _read(response, ANSWER_LIMIT, cut=True)
    except (Malformed, TimeoutError, aiohttp.ClientError, HttpProcessingError, OSError):
        return b""


def _answer(response: aiohttp.ClientResponse, target: URL, body: bytes) -> Answer:
    content_type, parameters = media_type(response.headers)
    return Answer(response.status, str(target), content_type, parameters, response.headers, body)


def _location(response: aiohttp.ClientResponse) -> str | None:
    if response.status not in (301, 302, 303, 307, 308):
        return None
    return response.headers.get("Location")


def _join(base: str, location: str) -> str:
    # urljoin drops tabs and line ends silently, so the unsafe is refused before it joins.
    if not location.isprintable() or "\\" in location:
        raise Malformed("a redirect leads to something that is not a URL")
    try:
        return urljoin(base, location)
    except ValueError:
        raise Malformed("a redirect leads to something that is not a URL") from None


def _reuse_trace() -> aiohttp.TraceConfig:
    """Note on each attempt whether its connection came from the pool."""
    trace = aiohttp.TraceConfig()
    trace.on_connection_reuseconn.append(_on_reuse)
    trace.on_connection_create_end.append(_on_create)
    return trace


async def _on_reuse(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
    context.trace_request_ctx.reused = True


async def _on_create(_: aiohttp.ClientSession, context: SimpleNamespace, __: object) -> None:
    context.trace_request_ctx.reused = False
