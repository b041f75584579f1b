"""Source whose budget a host counts against (SECURITY 89; docs/budgets.md).

A name costs nothing to whoever owns the domain, so hosts are counted by the domain that somebody
had to register, and addresses by their block.
"""

from functools import cache, lru_cache
from ipaddress import ip_address, ip_network
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from publicsuffixlist import PublicSuffixList

MOST_REMEMBERED = 10_000


@lru_cache(maxsize=MOST_REMEMBERED)
def domain_of(host: str) -> str:
    """The registrable domain of a host[:port]; the block of a numeric address.

    `a.b.example.co.uk:8443` → `example.co.uk`. What is a public suffix itself counts as it is.
    """
    name = _without_port(host.lower())
    if block := block_of(name.strip("[]")):
        return block
    return _suffixes().privatesuffix(name) or name


def network_of(address: str) -> str:
    """The block of a public address; empty for others: a proxy that does not tell who calls."""
    try:
        is_public = ip_address(address).is_global
    except ValueError:
        return ""
    return block_of(address) if is_public else ""


def block_of(address: str) -> str:
    """The block that an address is in: /24 of IPv4, /64 of IPv6; empty for what is none."""
    try:
        found = ip_address(address)
    except ValueError:
        return ""
    if found.version == 6 and found.ipv4_mapped is not None:
        found = found.ipv4_mapped
    return str(ip_network((str(found), 24 if found.version == 4 else 64), strict=False))


def _without_port(host: str) -> str:
    name, colon, port = host.rpartition(":")
    return name if colon and port.isdigit() and not name.endswith(":") else host


@cache
def _suffixes() -> "PublicSuffixList":
    from publicsuffixlist import PublicSuffixList  # 4 MB and 50 ms, where a host is counted

    return PublicSuffixList()
