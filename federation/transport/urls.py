"""Origins of URLs: who speaks when a URL answers, and which URLs we may contact.

One strict reader (SECURITY B15): whatever two parsers could read differently is refused.
"""

import re
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address
from unicodedata import normalize
from urllib.parse import quote

import idna

from federation.errors import Malformed

MAXIMUM_LENGTH = 4096

_DEFAULT_PORTS = {"http": 80, "https": 443}

# Control characters, the backslash (a slash to some parsers) and lone surrogates.
_UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f\\\ud800-\udfff]")
_URL = re.compile(r"(https?)://([^/?#]*)([^#]*)(?:#.*)?", re.ASCII | re.IGNORECASE | re.DOTALL)
_AUTHORITY = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[^:\[\]@%]+)(?::([1-9][0-9]{0,4}))?")
_LABEL = re.compile(r"(?!-)[a-z0-9_-]{1,63}(?<!-)")
# A last label like this makes parsers read the whole host as an IPv4 address (URL Standard §3.5).
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")

_DEVELOPMENT_NAMES = frozenset({"example", "localhost", "test"})
# RFC 6761, 6762, 7686, 8375, 9476 and ICANN's list of names that are never to be delegated.
_SPECIAL_NAMES = _DEVELOPMENT_NAMES | {
    *("alt", "arpa", "corp", "home", "i2p", "internal", "intranet", "invalid", "lan"),
    *("local", "localdomain", "mail", "onion", "private"),
}


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host (lower case, IDNA; IPv6 without brackets) and port: equal means same origin."""

    scheme: str
    host: str
    port: int

    @property
    def authority(self) -> str:
        """Host, with the port when it is not the scheme's own."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _DEFAULT_PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def is_literal(self) -> bool:
        """Whether the host is an IP address and not a name."""
        return ":" in self.host or _NUMBER.fullmatch(self.host.rpartition(".")[2]) is not None

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}"


def origin_of(url: str) -> Origin:
    """Read the origin of an absolute http(s) URL; Malformed when two parsers could differ."""
    return _read(url)[0]


def canonical(url: str) -> str:
    """Write the URL as we request it: origin normalised, no fragment, path and query kept.

    What may not stand in a request is percent-encoded; nothing is decoded. Compare an id with the
    URL of an answer in this form.
    """
    origin, rest = _read(url)
    path, mark, query = rest.partition("?")
    target = (path or "/") + (mark + query if query else "")
    return str(origin) + quote(target, safe="!$%&'()*+,/:;=?@[]")


def same_origin(a: str, b: str) -> bool:
    """Whether both are URLs of one origin; a malformed one has no origin."""
    try:
        return origin_of(a) == origin_of(b)
    except Malformed:
        return False


def host_of(url: str) -> str:
    """Give the host as people write it after the @: with :port when it is not the scheme's own."""
    return origin_of(url).authority


def server_name(text: str) -> str:
    """Give a server's name, as it stands in a handle, the one form that `host_of` gives."""
    origin, rest = _read(f"https://{text}")
    if rest:
        raise Malformed("a server’s name is followed by nothing")
    return origin.authority


def may_contact(url: str, *, development: bool) -> bool:
    """Whether our rules let us send a request there; the address guard decides later on its own."""
    try:
        return validate(origin_of(url), development=development) is None
    except Malformed:
        return False


def validate(origin: Origin, *, development: bool) -> str | None:
    """Objection to contacting this origin (SECURITY D34), in plain words; None when we may."""
    special = _SPECIAL_NAMES - _DEVELOPMENT_NAMES if development else _SPECIAL_NAMES
    if not origin.is_literal and origin.host.rpartition(".")[2] in special:
        return f"{origin.host} is not a name on the public internet"
    return None if development else _validate_in_production(origin)


def _validate_in_production(origin: Origin) -> str | None:
    if origin.scheme != "https":
        return f"{origin.host} is not asked without https"
    if origin.port != _DEFAULT_PORTS["https"]:
        return f"{origin.host} is not asked on port {origin.port}"
    if origin.is_literal:
        return f"{origin.host} is an address, not a name"
    if "." not in origin.host:
        return f"{origin.host} is not a name on the public internet"
    return None


@lru_cache(maxsize=256)  # one document asks about the same few addresses again and again
def _read(url: str) -> tuple[Origin, str]:
    """Split into the origin, and path with query as written."""
    if len(url) > MAXIMUM_LENGTH or _UNSAFE.search(url):
        raise Malformed("this is not a URL that can be read safely")
    match = _URL.fullmatch(url)
    if match is None:
        raise Malformed("this is not an http or https URL")
    scheme = match[1].lower()
    host, port = _authority(match[2], _DEFAULT_PORTS[scheme])
    return Origin(scheme, host, port), match[3]


def _authority(text: str, default_port: int) -> tuple[str, int]:
    match = _AUTHORITY.fullmatch(text)
    port = int(match[2] or default_port) if match else 0
    if match is None or port > 65535:
        raise Malformed("the URL's host or port cannot be read")
    host = match[1]
    return (_ipv6(host[1:-1]) if host.startswith("[") else _named(host)), port


def _ipv6(text: str) -> str:
    """Check an IPv6 literal: its one canonical form (RFC 5952), not a wrapped IPv4 address."""
    try:
        address = IPv6Address(text)
    except ValueError:
        raise Malformed("the URL's host is not an IPv6 address") from None
    if "." in text or (int(address) > 1 and int(address) >> 32 in (0, 0xFFFF)):
        raise Malformed("the URL's host wraps an IPv4 address")
    if str(address) != text.lower():
        raise Malformed("the URL's host is an IPv6 address in an unusual form")
    return str(address)


def _named(text: str) -> str:
    """Normalise to a host name in lower-case ASCII, or an IPv4 address in dotted decimals."""
    host = text.lower() if text.isascii() else _idna(text)
    labels = host.split(".")
    if _NUMBER.fullmatch(labels[-1]):
        return _ipv4(host)
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise Malformed("the URL's host is not a host name")
    return host


def _ipv4(host: str) -> str:
    try:
        address = IPv4Address(host)
    except ValueError:
        raise Malformed("the URL's host is an IPv4 address in an unusual form") from None
    return str(address)


def _idna(text: str) -> str:
    """Encode a name with other letters (IDNA 2008), without compatibility mapping.

    Full-width letters, the Kelvin sign and other dots would turn into ASCII in some parsers.
    """
    if normalize("NFKC", text) != text:
        raise Malformed("the URL's host has letters that stand for others")
    try:
        return idna.encode(text.lower(), strict=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise Malformed("the URL's host is not a valid international name") from None
