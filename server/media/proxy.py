"""Media that not everybody may open, and what lies on other servers, through us.

An address with a pass opens what its member or server may still see (SECURITY 79). What lies
elsewhere is fetched when somebody first looks at it, made anew like an upload, and kept for a
while; an address without our seal makes us fetch nothing (SECURITY 37, 38, 60).
"""

import asyncio
import logging
from collections import OrderedDict
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from aiohttp import web

from federation.errors import Busy, FederationError, Unreachable
from federation.transport.http_client import USER_AGENT_TOKEN, HttpClient
from federation.transport.places import Places
from federation.transport.pools import Pool
from federation.transport.silence import SilentHosts
from federation.transport.sources import domain_of
from federation.transport.urls import host_of
from federation.vocabulary import media_urls
from federation.vocabulary.media_urls import KINDS, Kind, Pass
from server.http.app_keys import DATABASE, OUTSIDE
from server.http.errors import Refused
from server.http.guard import Route, shared_document
from server.http.parsing import header, id_of
from server.media.store import (
    FOR_A_DAY,
    MEDIA,
    OWN_TROUBLE,
    Guard,
    MediaFolder,
    Purpose,
    Remade,
    file_answer,
    no_file,
)
from server.settings.outside import Monotonic
from storage.access import accounts
from storage.engine.clock import Clock
from storage.engine.ids import NOBODY, ActorId
from storage.engine.site import Site
from storage.engine.transaction import Reader
from storage.media import attachments, emojis
from storage.media.attachments import Media
from storage.people import actors
from storage.posts import visible_posts
from storage.posts.visibility import Anonymous, Member, Peer, Viewer
from storage.queues import hosts

log = logging.getLogger(__name__)

PRIVATE: Final = "private, max-age=3600"
LONGEST_HOST: Final = 300
DEADLINE: Final = 30.0  # seconds for a whole picture (SECURITY 40)
FIRST_BYTE: Final = 10.0  # of them until it begins to come
KEPT_FOR: Final = timedelta(days=7)
MOST_KEPT: Final = 1 << 30  # bytes
AT_ONCE: Final = 32
OF_ONE_DOMAIN: Final = 2
MOST_WAITING: Final = 256  # of one domain a quarter
MOST_REMADE_LATER: Final = 64
UNWANTED_FOR: Final = timedelta(minutes=10)
SILENT_AFTER: Final = 2  # times in a row that a host did not answer
SILENT_FOR: Final = timedelta(minutes=1)
MOST_UNWANTED: Final = 10_000
ACCEPT: Final = "image/webp,image/png,image/jpeg,image/gif,image/avif;q=0.8"


# ---- ours, for those who may see it ----


async def private(request: web.Request) -> web.StreamResponse:
    """GET /media/private/{name}: for the member or server whom the address was made for."""
    viewer = _bearer(request, f"/media/private/{request.match_info['name']}")
    name = request.match_info["name"]
    if viewer is None or not await request.app[DATABASE].read(_may_open, viewer, name):
        return no_file()
    data = await asyncio.to_thread(request.app[MEDIA].read, name)
    return file_answer(name, data, PRIVATE)


def _bearer(request: web.Request, path: str) -> Viewer | None:
    """Viewer for whom the address was made whole, if it was, and is still good."""
    asked = request.query
    given = Pass(
        member=ActorId(id_of(asked.get("me", "")) or NOBODY),
        until=id_of(asked.get("until", "")) or 0,
        host=asked.get("for", "")[:LONGEST_HOST],
    )
    site, now = request.app[DATABASE].site, request.app[OUTSIDE].clock()
    if not media_urls.is_sealed(site, path, given, asked.get("seal", "")) or given.is_over(now):
        return None
    return Peer(given.host) if given.host else Member(ActorId(given.member))


def _may_open(reader: Reader, viewer: Viewer, name: str) -> bool:
    row = attachments.by_file(reader, name)
    return row is not None and _may_see(reader, viewer, row)


def _may_see(reader: Reader, viewer: Viewer, row: Media) -> bool:
    """Asked anew each time: of the post it hangs on, or of whoever sent it while there is none."""
    if row.purpose != "attachment":
        return False
    if isinstance(viewer, Member):
        if not _is_welcome(reader, viewer.actor):
            return False
        if row.post is None:
            return row.owner == viewer.actor
    if row.post is None:
        return False
    return visible_posts.by_id(reader, viewer, row.post) is not None


def _is_welcome(reader: Reader, id_: ActorId) -> bool:
    """Whether a member may log in; who may not opens nothing with an address they had before."""
    member, account = actors.by_id(reader, id_), accounts.by_actor(reader, id_)
    return bool(
        member and member.effective_state == "active" and account and account.state == "active"
    )


# ---- what lies elsewhere ----


@dataclass(frozen=True, slots=True)
class _Wanted:
    """A picture of another server: where it is, what becomes of it, and whose it is."""

    url: str
    purpose: Purpose
    is_private: bool = False


async def show_proxied(request: web.Request) -> web.StreamResponse:
    """GET /media/proxy/{kind}/{id}: a picture of another server, from our copy if there is one."""
    kind, id_ = _named(request)
    if kind is None or id_ is None or _is_a_proxy(request):
        return no_file()
    path = f"/media/proxy/{kind}/{id_}"
    viewer = _bearer(request, path)
    site = request.app[DATABASE].site
    wanted = await request.app[DATABASE].read(_find_wanted, kind, id_, viewer or Anonymous())
    if wanted is None:
        return no_file()
    seal = request.query.get("seal", "")
    if viewer is None and not media_urls.is_sealed_for(site, path, wanted.url, seal):
        return no_file()
    name, data = await request.app[PROXY].picture(site, kind, id_, wanted)
    return file_answer(name, data, PRIVATE if wanted.is_private else FOR_A_DAY)


def _named(request: web.Request) -> tuple[Kind | None, int | None]:
    said = request.match_info["kind"]
    kind = next((one for one in KINDS if one == said), None)
    return kind, id_of(request.match_info["id"])


def _is_a_proxy(request: web.Request) -> bool:
    """Whether a server of our kind asks: two that show each other's pictures go round for ever."""
    return "Via" in request.headers or USER_AGENT_TOKEN in header(request, "User-Agent")


def _find_wanted(reader: Reader, kind: Kind, id_: int, viewer: Viewer) -> _Wanted | None:
    """File behind an address now, if this viewer may see it and we show that server's."""
    match kind:
        case "original" | "small":
            found, host = _attachment(reader, id_, viewer)
        case "avatar" | "header":
            found, host = _face(reader, kind, id_)
        case "emoji" | "still":
            found, host = _emoji(reader, kind, id_)
    if found is None or hosts.refuses_media(reader, host, host_of(found.url)):
        return None
    return found


def _attachment(reader: Reader, id_: int, viewer: Viewer) -> tuple[_Wanted | None, str]:
    row = attachments.by_id(reader, id_)
    if row is None or row.remote_url is None or row.type != "image":
        return None, ""
    owner = actors.by_id(reader, ActorId(row.owner))
    if owner is None or not _may_see(reader, viewer, row):
        return None, ""
    return _Wanted(row.remote_url, "attachment", viewer != Anonymous()), owner.host


def _face(reader: Reader, kind: Kind, id_: int) -> tuple[_Wanted | None, str]:
    somebody = actors.by_id(reader, ActorId(id_))
    if somebody is None or somebody.is_local or somebody.effective_state != "active":
        return None, ""
    url = somebody.avatar if kind == "avatar" else somebody.header
    purpose: Purpose = "avatar" if kind == "avatar" else "header"
    return (_Wanted(url, purpose) if url else None), somebody.host


def _emoji(reader: Reader, kind: Kind, id_: int) -> tuple[_Wanted | None, str]:
    emoji = emojis.by_id(reader, id_)
    if emoji is None or emoji.remote_url is None:
        return None, ""
    return _Wanted(emoji.remote_url, "emoji" if kind == "emoji" else "still"), emoji.domain


class Proxy:
    """Fetches pictures once for all who ask, few of one domain at a time, and keeps them.

    The folder holds at most `most_kept` bytes, for a week; what could not be shown is not asked
    for again for a while. Its own worker, so that members' uploads do not wait for it; nothing
    holds that while it is fetched.
    """

    def __init__(
        self,
        root: Path,
        most_bytes: int,
        clock: Clock,
        monotonic: Monotonic,
        *,
        most_kept: int = MOST_KEPT,
    ) -> None:
        guard = Guard(name="images of others", at_once=1, waiting=MOST_REMADE_LATER)
        self.folder = MediaFolder(root, most_bytes, guard)
        self.places = Places("pictures", AT_ONCE, OF_ONE_DOMAIN, waiting=MOST_WAITING)
        self.http_client: HttpClient | None = None
        self.first_byte = FIRST_BYTE
        self._most_bytes = most_bytes
        self._most_kept = most_kept
        self._clock = clock
        self._monotonic = monotonic
        self._running: dict[str, asyncio.Task[str]] = {}
        self.silent = SilentHosts(monotonic, after=SILENT_AFTER, lasting=SILENT_FOR.total_seconds())
        self._unwanted: OrderedDict[str, tuple[float, int]] = OrderedDict()

    async def picture(
        self, site: Site, kind: Kind, id_: int, wanted: _Wanted
    ) -> tuple[str, bytes | None]:
        """(name, bytes). Raises Refused: 503 where it may be there later, 404 where not."""
        stem = media_urls.cache_name(site, kind, id_, wanted.url)
        name = await asyncio.to_thread(self.folder.find, stem)
        if name is None:
            name = await self._fetch_once(site, kind, id_, wanted, stem)
        return name, await asyncio.to_thread(self.folder.read, name)

    async def _fetch_once(
        self, site: Site, kind: Kind, id_: int, wanted: _Wanted, stem: str
    ) -> str:
        """Original and preview come together, so both wait for one fetch."""
        self._ensure_wanted(stem)
        both = f"{wanted.purpose} {id_} {wanted.url}"
        running = self._running.get(both)
        if running is None:
            self._ensure_answers(host_of(wanted.url))
            running = asyncio.create_task(self._fetch(site, kind, id_, wanted))
            self._running[both] = running
            running.add_done_callback(lambda _: self._running.pop(both, None))
        try:
            await asyncio.shield(running)
        except Refused as refused:
            raise self._record_failure(stem, refused) from None
        name = await asyncio.to_thread(self.folder.find, stem)
        if name is None:  # cleared away meanwhile
            raise _busy()
        return name

    def _ensure_wanted(self, stem: str) -> None:
        until, status = self._unwanted.get(stem, (0.0, 0))
        if until > self._monotonic():
            raise Refused(status, NOT_TO_BE_HAD)

    def _record_failure(self, stem: str, refused: Refused) -> Refused:
        """Remember what failed, a bounded number of them (SECURITY 48).

        Neither our own trouble nor a host that is left alone says anything about the picture.
        """
        if refused.sentence in (BUSY, SILENT, *OWN_TROUBLE):
            return refused
        status = 503 if refused.status == 503 else 404
        self._unwanted.pop(stem, None)
        self._unwanted[stem] = (self._monotonic() + UNWANTED_FOR.total_seconds(), status)
        while len(self._unwanted) > MOST_UNWANTED:
            self._unwanted.popitem(last=False)
        return Refused(status, NOT_TO_BE_HAD)

    async def _fetch(self, site: Site, kind: Kind, id_: int, wanted: _Wanted) -> str:
        if self.http_client is None:
            raise RuntimeError("the HTTP client is not open")
        host = host_of(wanted.url)
        domain = domain_of(host)
        try:
            async with self.places.wait_and_hold(domain):
                self._ensure_answers(host)
                data = await self._download(self.http_client, wanted.url, host)
                made = await self.folder.remake(data, wanted.purpose, domain)
        except Busy as error:
            raise _busy() from error
        return await asyncio.to_thread(self._keep, site, kind, id_, wanted, made)

    def _ensure_answers(self, host: str) -> None:
        """Raise Refused for a host that let us wait a moment ago."""
        if left := self.silent.seconds_left(host):
            raise Refused(503, SILENT, headers={"Retry-After": str(int(left) + 1)})

    async def _download(self, http_client: HttpClient, url: str, host: str) -> bytes:
        try:
            answer = await http_client.get(
                url,
                accept=ACCEPT,
                limit=self._most_bytes,
                deadline=DEADLINE,
                first_byte=self.first_byte,
                pool=Pool.PICTURES,
            )
        except Busy as error:
            raise _busy() from error
        except Unreachable as error:
            log.info("a picture could not be fetched: %s", error)
            self.silent.note(host)
            raise Refused(503, NOT_TO_BE_HAD) from error
        except FederationError as error:
            log.info("a picture is not fetched: %s", error)
            raise Refused(404, NOT_TO_BE_HAD) from error
        self.silent.record_answer(host)
        if answer.status != 200:
            raise Refused(503 if answer.status >= 500 else 404, NOT_TO_BE_HAD)
        return answer.body

    def _keep(self, site: Site, kind: Kind, id_: int, wanted: _Wanted, made: Remade) -> str:
        if made.preview is None:
            return self.folder.keep_as(media_urls.cache_name(site, kind, id_, wanted.url), made)
        small = media_urls.cache_name(site, "small", id_, wanted.url)
        self.folder.keep_as(small, made.preview)
        return self.folder.keep_as(media_urls.cache_name(site, "original", id_, wanted.url), made)

    async def clear(self) -> int:
        """Take away what is old, and the oldest of too much; returns how many files."""
        return await asyncio.to_thread(self._clear, self._clock())

    def _clear(self, now: datetime) -> int:
        there = [(path.stat(), path) for path in self.folder.files()]
        newest_first = sorted(there, key=lambda one: one[0].st_mtime, reverse=True)
        oldest, kept, gone = (now - KEPT_FOR).timestamp(), 0, 0
        for about, path in newest_first:
            kept += about.st_size
            if kept > self._most_kept or about.st_mtime < oldest:
                path.unlink(missing_ok=True)
                gone += 1
        return gone


def _busy() -> Refused:
    return Refused(503, BUSY, headers={"Retry-After": "30"})


BUSY: Final = "Many pictures are being fetched right now. Please try again in a moment."
SILENT: Final = "The server where this picture is does not answer at the moment."
NOT_TO_BE_HAD: Final = "This picture could not be had from the server where it is."
PROXY: web.AppKey[Proxy] = web.AppKey("proxy", Proxy)


ROUTES: list[Route] = [
    shared_document("/media/private/{name}", private),
    shared_document("/media/proxy/{kind:[a-z]+}/{id:[0-9]{1,19}}", show_proxied),
]
