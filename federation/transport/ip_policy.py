"""IP addresses we may connect to: an allow list of global unicast, by our own table.

The table is ours because ipaddress.is_global differs between Python versions and calls multicast,
6to4, NAT64 and others global (SECURITY D33). Everything is compared as integers.
"""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

# IANA IPv4 Special-Purpose Address Registry (RFC 6890, 8190) and the address space registry.
# Blocks that the registry calls reachable (AS112, AMT) stand here too: no peer lives in them.
_SPECIAL_V4 = tuple(
    IPv4Network(block)
    for block in (
        "0.0.0.0/8",  # this network, RFC 791
        "10.0.0.0/8",  # private, RFC 1918
        "100.64.0.0/10",  # shared address space, RFC 6598
        "127.0.0.0/8",  # loopback, RFC 1122
        "168.63.129.16/32",  # a cloud's host service: global by number, inside by routing
        "169.254.0.0/16",  # link local, cloud metadata, RFC 3927
        "172.16.0.0/12",  # private, RFC 1918
        "192.0.0.0/24",  # IETF protocol assignments, RFC 6890
        "192.0.2.0/24",  # documentation, RFC 5737
        "192.31.196.0/24",  # AS112, RFC 7535
        "192.52.193.0/24",  # AMT, RFC 7450
        "192.88.99.0/24",  # 6to4 relay anycast, RFC 7526
        "192.168.0.0/16",  # private, RFC 1918
        "192.175.48.0/24",  # AS112 direct delegation, RFC 7534
        "198.18.0.0/15",  # benchmarking, RFC 2544
        "198.51.100.0/24",  # documentation, RFC 5737
        "203.0.113.0/24",  # documentation, RFC 5737
        "224.0.0.0/4",  # multicast, RFC 5771
        "240.0.0.0/4",  # reserved and broadcast, RFC 1112, RFC 919
    )
)

# RFC 4291 §2.4: IANA gives out unicast from here only. So NAT64, IPv4-compatible, discard-only,
# SRv6 (5f00::/16), unique local, link local, site local and multicast fall away by themselves.
_UNICAST_V6 = IPv6Network("2000::/3")

_SPECIAL_V6 = tuple(
    IPv6Network(block)
    for block in (
        "2001::/23",  # IETF protocol assignments: Teredo, ORCHID, benchmarking, RFC 2928
        "2001:db8::/32",  # documentation, RFC 3849
        "2002::/16",  # 6to4: carries any IPv4 address, RFC 3056
        "2620:4f:8000::/48",  # AS112 direct delegation, RFC 7534
        "3ffe::/16",  # 6bone, given back, RFC 3701
        "3fff::/20",  # documentation, RFC 9637
    )
)

_LOOPBACK_V4 = IPv4Network("127.0.0.0/8")
_LOOPBACK_V6 = IPv6Network("::1/128")


def is_allowed(address: str | Address) -> bool:
    """Whether it is a global unicast address; what is no address at all is not."""
    parsed = _parse(address)
    if parsed is None:
        return False
    if isinstance(parsed, IPv4Address):
        return not _within(parsed, _SPECIAL_V4)
    return _within(parsed, (_UNICAST_V6,)) and not _within(parsed, _SPECIAL_V6)


def loopback(address: str | Address) -> bool:
    """Whether it leads to this very machine by the loopback interface."""
    parsed = _parse(address)
    return parsed is not None and _within(parsed, (_LOOPBACK_V4, _LOOPBACK_V6))


def _parse(address: str | Address) -> Address | None:
    """Read an address, unwrapping an IPv4-mapped one; one with a zone is never global, so None."""
    try:
        parsed = ip_address(str(address))
    except ValueError:
        return None
    if isinstance(parsed, IPv4Address):
        return parsed
    return None if parsed.scope_id is not None else _unwrap(parsed)


def _unwrap(address: IPv6Address) -> Address:
    """Give the IPv4 address inside ::ffff:0:0/96 (RFC 4291 §2.5.5.2), else the address itself."""
    number = int(address)
    return IPv4Address(number & 0xFFFFFFFF) if number >> 32 == 0xFFFF else address


def _within(address: Address, blocks: tuple[Network, ...]) -> bool:
    return any(address.version == block.version and _inside(address, block) for block in blocks)


def _inside(address: Address, block: Network) -> bool:
    host_bits = block.max_prefixlen - block.prefixlen
    return int(address) >> host_bits == int(block.network_address) >> host_bits
