"""Networks that are kept out: remembered, until that changes."""

from ipaddress import IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp import web

from server.http import auth
from server.http.errors import Refused
from storage.access import signup_blocks
from storage.access.signup_blocks import SEVERITIES, NetworkBlock
from storage.engine.changes import Change
from storage.engine.clock import Clock
from storage.engine.database import Database

Network = IPv4Network | IPv6Network


class IpBlocks:
    """Asked at every request; the database is asked once after each change."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._known: list[tuple[Network, NetworkBlock]] | None = None

    def forget(self, _: Change) -> None:
        self._known = None

    async def severity(self, address: str) -> str | None:
        """The gravest of SEVERITIES that holds for an address."""
        if self._known is None:
            found = await self._database.read(signup_blocks.networks)
            self._known = [(ip_network(one.network), one) for one in found]
        if not self._known:
            return None
        return self._gravest(address, self._known)

    def _gravest(self, address: str, known: list[tuple[Network, NetworkBlock]]) -> str | None:
        try:
            found = ip_address(address)
        except ValueError:
            return None
        if isinstance(found, IPv6Address) and found.ipv4_mapped is not None:
            found = found.ipv4_mapped
        now = self._clock()
        holding = [
            SEVERITIES.index(block.severity)
            for network, block in known
            if found in network and (block.expires_at is None or block.expires_at > now)
        ]
        return SEVERITIES[max(holding)] if holding else None


async def ensure_sign_up(request: web.Request, mode: str) -> bool:
    """Whether a steward has to look first. Raises Refused where nobody signs up from there."""
    if mode == "closed":
        raise Refused(403, "This server takes in nobody new at the moment.")
    severity = await request.app[IP_BLOCKS].severity(auth.address_of(request))
    if severity in ("sign_up_block", "no_access"):
        raise Refused(403, "This server takes in nobody from your network. Please ask a steward.")
    return severity is not None


IP_BLOCKS = web.AppKey("ip_blocks", IpBlocks)
