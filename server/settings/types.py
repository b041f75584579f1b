"""Kinds of values that a setting may have: each in words, and as a function that reads it."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, tzinfo
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import get_args
from zoneinfo import ZoneInfo

import idna

Network = IPv4Network | IPv6Network

LOOPBACK = ["127.0.0.0/8", "::1/128"]
_PRIVATE = tuple(
    ip_network(block)
    for block in (*LOOPBACK, "10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
)
_UNPRINTABLE = {"Cc", "Cs", "Zl", "Zp"}  # Unicode's categories of controls and line ends
_SWITCH = dict.fromkeys(("on", "true", "yes", "1"), True)
_SWITCH |= dict.fromkeys(("off", "false", "no", "0"), False)
# Names that no stranger's server could reach us by (RFC 6761, 6762, 7686, 8375; .internal).
_NOT_PUBLIC = re.compile(r"(^|\.)(localhost|localdomain|local|internal|onion|invalid|home\.arpa)$")
_NUMERIC_END = re.compile(r"(^|\.)(\d+|0x[0-9a-f]*)$")


@dataclass(frozen=True, slots=True)
class Listen:
    """Address at which a server waits: host and port, or the path of a unix socket."""

    host: str = ""
    port: int = 0
    path: Path | None = None

    def __str__(self) -> str:
        if self.path is not None:
            return f"unix:{self.path}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


@dataclass(frozen=True, slots=True)
class Kind:
    """Kind of value: in words, and as a function that raises ValueError("which …")."""

    fits: str
    parse: Callable[[object], object]


def _text(raw: object) -> str:
    if not isinstance(raw, str):
        raise ValueError("which is no text")
    if any(unicodedata.category(character) in _UNPRINTABLE for character in raw):
        raise ValueError("which holds a line break or another control character")
    return raw.strip()


def text_of(most: int) -> Kind:
    def parse(raw: object) -> str:
        text = _text(raw)
        if len(text) > most:
            raise ValueError(f"which has {len(text)} characters")
        return text

    return Kind(f"a text of at most {most} characters", parse)


def matching(pattern: str, fits: str) -> Kind:
    def parse(raw: object) -> str:
        text = _text(raw)
        if not re.fullmatch(pattern, text):
            raise ValueError("which has another form")
        return text

    return Kind(fits, parse)


def _switch(raw: object) -> bool:
    if isinstance(raw, bool):
        return raw
    word = _text(raw).lower()
    if word not in _SWITCH:
        raise ValueError("which is neither on nor off")
    return _SWITCH[word]


def _number(raw: object) -> int:
    if isinstance(raw, int) and not isinstance(raw, bool):
        return raw
    if not isinstance(raw, str) or not re.fullmatch(r"-?[0-9]{1,12}", raw.strip()):
        raise ValueError("which is no whole number")
    return int(raw)


def whole(least: int, most: int) -> Kind:
    def parse(raw: object) -> int:
        number = _number(raw)
        if not least <= number <= most:
            raise ValueError(f"which is too {'small' if number < least else 'large'}")
        return number

    return Kind(f"a whole number from {least} to {most}", parse)


def one_of(words: object) -> Kind:
    known: tuple[str, ...] = get_args(words)

    def parse(raw: object) -> str:
        word = _text(raw).lower()
        if word not in known:
            raise ValueError("which is none of the words we know here")
        return word

    return Kind(f"{', '.join(known[:-1])} or {known[-1]}", parse)


def _path(raw: object) -> Path:
    text = _text(raw)
    if not text:
        raise ValueError("which is empty")
    return Path(text).absolute()


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > 65_535:
        raise ValueError("which ends in no port number")
    return int(text)


def _listen(raw: object) -> Listen:
    text = _text(raw)
    if text.startswith("unix:"):
        path = Path(text.removeprefix("unix:"))
        if not path.is_absolute():
            raise ValueError("which names no absolute path")
        return Listen(path=path)
    host, _, port = text.rpartition(":")
    bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
    if ":" in bare and bare == host:
        raise ValueError("which is an IPv6 address without its brackets")
    return Listen(host=bare if bare == "localhost" else _address(bare), port=_port(port))


def _address(text: str) -> str:
    try:
        return str(ip_address(text))
    except ValueError:
        raise ValueError("which names no IP address to listen on") from None


def _listen_private(raw: object) -> Listen | None:
    if _text(raw).lower() == "off":
        return None
    listen = _listen(raw)
    if listen.path is None and not _is_private(listen.host):
        raise ValueError("which the whole network could read")
    return listen


def _is_private(host: str) -> bool:
    return host == "localhost" or any(ip_address(host) in block for block in _PRIVATE)


def _list(raw: object) -> list[str]:
    """TOML's list, or in the environment words with commas or spaces between them."""
    if isinstance(raw, list):
        return [_text(item) for item in raw]
    return re.split(r"[,\s]+", _text(raw).strip(", "))


def _networks(raw: object) -> tuple[Network, ...]:
    words = _list(raw)
    return () if words == ["none"] else tuple(_network(word) for word in words)


def _network(word: str) -> Network:
    try:
        network = ip_network(word)
    except ValueError as error:
        why = "has host bits set" if "host bits" in str(error) else "is no address or network"
        raise ValueError(f"of which `{word[:50]}` {why}") from None
    if network.prefixlen == 0:
        raise ValueError("which would let every caller choose the address it is known by")
    return network


def _languages(raw: object) -> tuple[str, ...]:
    words = _list(raw)
    for word in words:
        if not re.fullmatch(_LANGUAGE, word):
            raise ValueError(f"of which `{word[:20]}` is no language code")
    if not words:
        raise ValueError("which is empty")
    return tuple(dict.fromkeys(words))


def _domain(raw: object) -> str:
    """A host name in lower-case ASCII (IDNA 2008, UTS 46), perhaps with a port."""
    text = _text(raw)
    if "/" in text or "@" in text:
        raise ValueError("which is more than a name")
    host, colon, port = text.partition(":")
    try:
        name = idna.encode(host, uts46=True, std3_rules=True).decode()
    except idna.IDNAError:
        raise ValueError("which is no host name") from None
    if name.endswith("."):
        raise ValueError("which ends in a dot")
    if colon and _port(port) in (0, 80):
        raise ValueError(f"whose port {port} can be left out")
    return f"{name}:{int(port)}" if colon else name


def why_not_public(domain: str) -> str | None:
    if ":" in domain:
        return "which carries a port"
    if _NUMERIC_END.search(domain):
        return "which is an address and no name"
    if "." not in domain or _NOT_PUBLIC.search(domain):
        return "which other servers cannot reach"
    return None


def _timezone(raw: object) -> str:
    name = _text(raw)
    try:
        zone(name)
    except (OSError, ValueError, KeyError):  # a folder of zones; a path; not there
        raise ValueError("which this machine knows no time zone by") from None
    return name


def zone(name: str) -> tzinfo:
    """UTC is known even where the system has no time zone database."""
    return UTC if name == "UTC" else ZoneInfo(name)


_LANGUAGE = r"[a-z]{2,3}(-[A-Za-z0-9]{2,8})*"
ON_OFF = Kind("on or off (true and false will do)", _switch)
PATH = Kind("a folder's path (in kith.toml relative to that file)", _path)
DOMAIN = Kind("a name such as `garden.example`; in development also `localhost:8000`", _domain)
LISTEN = Kind("an IP address with a port, or `unix:/path`", _listen)
LISTEN_PRIVATE = Kind(
    "off, a loopback or private IP address with a port, or `unix:/path`", _listen_private
)
NETWORKS = Kind("addresses or networks such as `10.1.0.0/24`, or `none`", _networks)
LANGUAGES = Kind("language codes such as `en` or `pt-BR`", _languages)
TIMEZONE = Kind("an IANA name such as `Europe/Berlin`", _timezone)
LOCALE = matching(_LANGUAGE, "a language code such as `en`")
EMAIL = matching(r"([^@\s<>,;]+@[^@\s<>,;]+)?", "an e-mail address")
HANDLE = matching(r"[A-Za-z0-9_]{0,64}", "a name without its `@`")
HOST = matching(r"[A-Za-z0-9.:_-]*", "a host name")
SECRET = matching(r"[0-9a-f]{64}", "64 hexadecimal digits, as `openssl rand -hex 32` prints them")
