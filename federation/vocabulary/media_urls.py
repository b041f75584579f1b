"""Addresses of media: open to all, for one reader, for one server, and through our proxy.

What everybody may see has an address without a seal, and what lies elsewhere one whose seal binds
the address there. For all else a `Placeholder` is written down, and an address is put in its place
for whom it is handed to: for a member until a moment, for a server without end; that they may see
the post is asked again whenever it is opened (SECURITY 38, 79).
"""

import hmac
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import Final, Literal, TypedDict
from urllib.parse import quote

from storage.engine.ids import NOBODY, ActorId
from storage.engine.site import Site
from storage.posts.visibility import Member, Peer, Viewer

Kind = Literal["original", "small", "avatar", "header", "emoji", "still"]
KINDS: Final[tuple[Kind, ...]] = ("original", "small", "avatar", "header", "emoji", "still")

# One address for so long, so that clients need not fetch a picture twice.
PERIOD: Final = timedelta(hours=12)
_SEAL: Final = 32  # hexadecimal digits: 128 bit


Placeholder = TypedDict("Placeholder", {"kith:media": str})
"""A path under /media in place of an address that opens: an object, where JSON wants a string."""

# As orjson and SQLite write it; within a string of JSON, a quote has a backslash before it.
_BEGIN: Final = b'{"kith:media":"'
_END: Final = b'"}'


@dataclass(frozen=True, slots=True)
class Pass:
    """Recipient for whom an address was made whole: a member until a moment, or a server."""

    member: ActorId = NOBODY
    until: int = 0
    host: str = ""

    @property
    def query(self) -> str:
        if self.host:
            return f"for={quote(self.host, safe='')}"
        return f"me={self.member}&until={self.until}"

    def is_over(self, now: datetime) -> bool:
        return not self.host and self.until <= int(now.timestamp())


def public(site: Site, file: str) -> str:
    return f"{site.origin}/media/{file}"


def private(file: str) -> Placeholder:
    return {"kith:media": f"private/{file}"}


def proxy_address(site: Site, kind: Kind, id_: int, url: str) -> str:
    """Address of what lies at `url`, through us; for what everybody may see."""
    return f"{site.origin}{proxy_path(site, kind, id_, url)}"


def proxy_path(site: Site, kind: Kind, id_: int, url: str) -> str:
    path = f"/media/proxy/{kind}/{id_}"
    return f"{path}?seal={_seal(site, f'{path} {url}')}"


def private_proxy(kind: Kind, id_: int) -> Placeholder:
    return {"kith:media": f"proxy/{kind}/{id_}"}


def bare(site: Site, link: str | Placeholder) -> str:
    """Address without a pass; that of a placeholder opens nothing."""
    return link if isinstance(link, str) else f"{site.origin}/media/{link['kith:media']}"


def pass_for(viewer: Viewer, now: datetime) -> Pass | None:
    """Pass of a member, good for one to two periods, or of a server, while it may read the post."""
    match viewer:
        case Member(actor):
            return pass_for_member(actor, now)
        case Peer(host):
            return Pass(host=host)
        case _:
            return None


def pass_for_member(actor: ActorId, now: datetime) -> Pass:
    period = int(PERIOD.total_seconds())
    return Pass(member=actor, until=(int(now.timestamp()) // period + 2) * period)


def open_placeholders(site: Site, document: bytes, viewer: Viewer, now: datetime) -> bytes:
    """JSON with an address for each placeholder, whole for a reader who may see all of it.

    Readers without a pass get an address that opens nothing.
    """
    if _BEGIN not in document:
        return document
    given = pass_for(viewer, now)
    first, *others = document.split(_BEGIN)
    parts = [first]
    for other in others:
        name, _, rest = other.partition(_END)
        path = f"/media/{name.decode()}"
        whole = whole_path(site, path, given) if given else path
        parts.append(f'"{site.origin}{whole}"'.encode() + rest)
    return b"".join(parts)


def whole_path(site: Site, path: str, given: Pass) -> str:
    """Path under /media with its pass and seal."""
    return f"{path}?{given.query}&seal={_seal(site, f'{path}?{given.query}')}"


def is_sealed(site: Site, path: str, given: Pass, seal: str) -> bool:
    return _same(_seal(site, f"{path}?{given.query}"), seal)


def is_sealed_for(site: Site, path: str, url: str, seal: str) -> bool:
    return _same(_seal(site, f"{path} {url}"), seal)


def cache_name(site: Site, kind: Kind, id_: int, url: str) -> str:
    """Name of a proxied file on our disk, without its ending: 128 bit that nobody guesses."""
    return _seal(site, f"cache {kind}/{id_} {url}")


def _seal(site: Site, text: str) -> str:
    key = f"kith media {site.secret}".encode()
    return hmac.new(key, text.encode(), sha256).hexdigest()[:_SEAL]


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode("utf-8", "replace"))
