"""A session in a browser begins, and ends; who logs in from somewhere new is told by email."""

import hmac
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from urllib.parse import urlsplit

from aiohttp import web

from federation.transport.sources import block_of
from server.http import auth
from server.http.app_keys import DATABASE, OUTSIDE, SETTINGS
from server.http.guard import current_user
from server.http.parsing import header
from server.i18n.translations import N_, SOURCE, translations
from server.mail import smtp
from server.pages import formatting, paths
from server.pages.access import guess_limits
from server.pages.access.devices import device
from server.settings.settings import Settings
from storage.access import accounts, sessions
from storage.access.accounts import Account
from storage.engine import ids
from storage.engine.ids import ActorId
from storage.engine.transaction import Writer

LONGEST_AGENT = 300
_SUBJECT = N_("A new log-in at %(title)s")
_EMAIL = N_(
    "Somebody logged in to your account from a browser or a network that we had not seen with you"
    " before:\n\n"
    "%(device)s, network %(network)s\n"
    "%(time)s\n\n"
    "If it was you, there is nothing to do.\n\n"
    "If it was not, set a new password now. That logs everybody else out:\n\n"
    "%(link)s"
)


def onward(text: str | None) -> str:
    """A path on our own host, by construction; anything else leads home (SECURITY 55)."""
    if not text or not text.startswith("/") or not text.isprintable() or "\\" in text:
        return paths.HOME
    try:
        parts = urlsplit(text)
    except ValueError:
        return paths.HOME
    doubled = text.startswith("//") or parts.path.startswith("//")
    return paths.HOME if doubled or parts.scheme or parts.netloc else text


@dataclass(frozen=True, slots=True)
class _Start:
    """Account that logs in, and from where; `place` is what is remembered of it."""

    account: ActorId
    agent: str
    network: str
    place: str


async def start_session(
    request: web.Request, response: web.StreamResponse, account: ActorId
) -> None:
    """Start a session under a new number, whatever the browser had before (SECURITY 69)."""
    await leave_session(request)
    secret, start = ids.secret(), _start(request, account)
    told = await request.app[DATABASE].write(_begin, secret, start)
    auth.set_cookie(request, response, secret)
    await guess_limits.know(request, response, account)
    if told is not None:
        app, now = request.app, request.app[OUTSIDE].clock()
        smtp.in_background(_tell(app, told, start, now))


def _start(request: web.Request, account: ActorId) -> _Start:
    agent = header(request, "User-Agent")[:LONGEST_AGENT]
    network = block_of(auth.address_of(request))
    place = f"{account} {device(agent, SOURCE)} {network}"
    key = (request.app[SETTINGS].secret or "").encode()
    return _Start(account, agent, network, hmac.new(key, place.encode(), sha256).hexdigest())


def _begin(writer: Writer, secret: str, start: _Start) -> Account | None:
    """Start a session; return its account, to be told, when they log in from somewhere new."""
    sessions.start(writer, secret, start.account, start.agent, start.network)
    if not sessions.know_place(writer, start.account, start.place):
        return None
    return accounts.by_actor(writer, start.account)


async def _tell(app: web.Application, account: Account, start: _Start, now: datetime) -> None:
    settings = app[SETTINGS]
    subject, text = _email(settings, account.locale, start, now)
    await smtp.send(settings, app[OUTSIDE].clock, account.email, subject, text)


def _email(settings: Settings, locale: str, start: _Start, now: datetime) -> tuple[str, str]:
    _ = translations(locale).gettext
    text = _(_EMAIL) % {
        "device": device(start.agent, locale),
        "network": start.network or "–",
        "time": formatting.full(now, now, settings.zone, locale),
        "link": f"{settings.web_origin}{paths.SETTINGS}#password",
    }
    return _(_SUBJECT) % {"title": settings.title}, text


async def leave_session(request: web.Request) -> None:
    session = current_user(request).session
    if session is not None:
        await request.app[DATABASE].write(sessions.end, session.id, session.account)
