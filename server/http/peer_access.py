"""Rules on who asks for a document, and who may cache the answer (SECURITY 12, 31, 77, 78, 92).

Every GET that other servers make goes through `ForPeers`: a route of Access.PEER takes no other
handler, so none can forget to ask for whom it answers.
"""

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from aiohttp import web

from federation.errors import Busy, FederationError, Forbidden
from federation.transport.media_types import parse_media_type
from federation.transport.signatures import Request
from federation.transport.sources import domain_of, network_of
from server.http.allowances import READS
from server.http.app_keys import INBOX, SETTINGS
from server.http.auth import address_of
from server.http.errors import Refused, not_found
from server.http.parsing import header
from storage.posts.visibility import Anonymous, Peer, Viewer

TYPE = "application/activity+json"
VARY = "Accept, Signature"
PRIVATE = "private, no-store"

Handler = Callable[[web.Request, Viewer], Awaitable[web.Response]]
_WEIGHT = re.compile(r"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")


def wants_document(request: web.Request) -> bool:
    """Whether a server asks (SECURITY 31): what is preferred counts, of equals a document."""
    document, page = _weights(request)
    return document > 0 and document >= page


def wants_page(request: web.Request) -> bool:
    """Whether somebody with a browser asks, at an address that is a document's."""
    document, page = _weights(request)
    return page > document


def _weights(request: web.Request) -> tuple[float, float]:
    """Weights of documents and of pages in what is accepted (RFC 9110 §12.5.1); 0 where absent."""
    document = page = 0.0
    for part in header(request, "Accept").split(","):
        found = parse_media_type(part)
        weight = _weight(found.parameters.get("q", "1"))
        if found.essence in (TYPE, "application/ld+json"):
            document = max(document, weight)
        elif found.essence in ("text/html", "application/xhtml+xml"):
            page = max(page, weight)
    return document, page


def _weight(written: str) -> float:
    return float(written) if _WEIGHT.fullmatch(written) else 1.0


def is_signed(request: web.Request) -> bool:
    """Whether it claims to be, in any of the ways that there are."""
    in_authorization = header(request, "Authorization")[:9].lower() == "signature"
    return in_authorization or not {"Signature", "Signature-Input"}.isdisjoint(request.headers)


def as_it_came(request: web.Request, body: bytes | None = b"") -> Request:
    """Request that a signature is checked against; `body` is None for what is not read yet."""
    headers = [
        (name.decode("utf-8", "surrogateescape"), value.decode("utf-8", "surrogateescape"))
        for name, value in request.raw_headers
    ]
    network = network_of(address_of(request))
    return Request(request.method, request.raw_path, headers, body, network)


@dataclass(frozen=True, slots=True)
class ForPeers:
    """A handler that is told who asks.

    `bears_keys`: the document holds keys, which whoever checks one of our signatures needs. No
    signature is asked for then, and none is checked by fetching: two servers would wait for each
    other's keys.
    """

    handler: Handler
    bears_keys: bool = False

    async def __call__(self, request: web.Request) -> web.Response:
        """Reading is charged to whoever proved who they are, else to where they call from."""
        reads, address = request.app[READS], address_of(request)
        with reads.for_ourselves():
            asker = await _asker(request, bears_keys=self.bears_keys)
        if isinstance(asker, Peer):
            with reads.of_peer(domain_of(asker.host)):
                return await self.handler(request, asker)
        with reads.of(request.path, address, None):
            return await self.handler(request, asker)


def bearing_keys(handler: Handler) -> ForPeers:
    return ForPeers(handler, bears_keys=True)


async def _asker(request: web.Request, *, bears_keys: bool) -> Viewer:
    """Viewer who fetches: a server that signed, or anybody.

    Where no signature is needed, one that does not verify is as none. Raises Refused: 401 where
    one is needed, 404 for those from whom we do not hear; Busy and Overloaded are our own trouble.
    """
    needed = request.app[SETTINGS].authorised_fetch and not bears_keys
    if not is_signed(request):
        if needed:
            raise Refused(401, "Requests to this server need a signature.")
        return Anonymous()
    try:
        signer = await request.app[INBOX].authenticate(as_it_came(request), fetch=not bears_keys)
    except Busy:
        raise
    except Forbidden as error:
        raise not_found() from error
    except FederationError as error:
        if needed:
            raise Refused(401, str(error)) from error
        return Anonymous()
    if signer.is_local:
        raise not_found()  # we do not ask ourselves: somebody has a key of ours
    return Peer(signer.host, signer.id)
