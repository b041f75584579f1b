"""Identity of who is asking: a token or a cookie → a Caller; what they may see → a Viewer."""

import hmac
from collections import OrderedDict
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import ip_address

from aiohttp import web

from federation.transport.sources import block_of
from server.http.app_keys import DATABASE, OUTSIDE, SETTINGS, VISITOR
from server.http.errors import Refused
from server.http.parsing import address_in, cookie, header
from server.settings.types import Network
from storage.access import accounts, oauth, sessions
from storage.access.accounts import ACCESS, Account
from storage.access.oauth import Token
from storage.access.sessions import Session
from storage.engine import ids
from storage.engine.changes import Change
from storage.engine.database import Database
from storage.engine.errors import NotCommitted, Overloaded
from storage.engine.transaction import Reader, Writer
from storage.media import emojis
from storage.people import actors
from storage.people.actors import CHANGED, Actor
from storage.posts.visibility import Anonymous, Member, Viewer

MOST_REMEMBERED = 2000
MOST_MET = 10_000  # hashes of tokens that were good
MOST_READ = 3  # times that a token is looked up while access changes meanwhile
COOKIE_LASTS = 400 * 86400  # seconds, the most a browser keeps (RFC 6265bis); we decide earlier
USED_AGAIN = 600  # seconds after which a use is noted again


@dataclass(frozen=True, slots=True)
class CurrentUser:
    """A request's sender, as far as they proved who they are."""

    token: Token | None = None
    session: Session | None = None
    account: Account | None = None
    actor: Actor | None = None

    @property
    def viewer(self) -> Viewer:
        return Member(self.actor.id) if self.actor else Anonymous()

    @property
    def me(self) -> Actor:
        """The member. Only for routes that need one."""
        if self.actor is None:
            raise Refused(422, "This method requires an authenticated user")
        return self.actor

    @property
    def own_account(self) -> Account:
        if self.account is None:
            raise Refused(422, "This method requires an authenticated user")
        return self.account

    @property
    def scopes(self) -> list[str]:
        return self.token.scopes.split() if self.token else []


NOBODY = CurrentUser()


class CurrentUsers:
    """Remembers who a token belongs to until something about their access changes (SECURITY 68).

    A change names an account or one token, and only what it names is forgotten. What was read
    before such a change is not remembered after it: a change between the beginning and the end of
    a reading makes it read again, and past a few such changes answer without keeping.
    """

    def __init__(self, database: Database) -> None:
        self._database = database
        self._known: OrderedDict[str, CurrentUser] = OrderedDict()
        self._met: OrderedDict[str, None] = OrderedDict()
        self._about: dict[str, set[str]] = {}  # what a change may name → tokens
        self._readings: list[set[str]] = []  # what changed during each that is under way

    def forget(self, change: Change) -> None:
        for changed in self._readings:
            changed.add(change.key)
        named = self._about.get(change.key, ()) if change.key else self._known
        for key in tuple(named):
            self._drop(key)

    def has_met(self, secret: str) -> bool:
        """Whether it was somebody's when it was last asked for."""
        return oauth.hash_secret(secret) in self._met

    async def of_token(self, secret: str) -> CurrentUser | None:
        key = oauth.hash_secret(secret)
        found = self._known.get(key)
        if found is not None:
            self._known.move_to_end(key)
            return found
        for _ in range(MOST_READ):
            found, is_current = await self._read(secret)
            if is_current:
                self._remember(key, found)
                break
        return found

    async def _read(self, secret: str) -> tuple[CurrentUser | None, bool]:
        """Owner of the token, and whether nothing about them has changed since."""
        changed = set[str]()
        self._readings.append(changed)
        try:
            found = await self._database.read(_by_token, secret)
        finally:
            self._readings = [one for one in self._readings if one is not changed]
        return found, found is None or changed.isdisjoint(("", *_names(found)))

    def _remember(self, key: str, found: CurrentUser | None) -> None:
        self._met.pop(key, None)
        if found is not None:
            self._met[key] = None
            self._drop(key)  # another reading of the same
            self._known[key] = found
            for name in _names(found):
                self._about.setdefault(name, set()).add(key)
        while len(self._known) > MOST_REMEMBERED:
            self._drop(next(iter(self._known)))
        while len(self._met) > MOST_MET:
            self._met.popitem(last=False)

    def _drop(self, key: str) -> None:
        found = self._known.pop(key, None)
        for name in _names(found) if found else ():
            self._about[name].discard(key)
            if not self._about[name]:
                del self._about[name]


def _names(user: CurrentUser) -> tuple[str, ...]:
    """Names by which a change speaks of a client."""
    token = user.token
    return (oauth.change_key(token.id), str(token.account)) if token else ()


CURRENT_USERS = web.AppKey("current_users", CurrentUsers)
SUBJECTS = (ACCESS, CHANGED, emojis.CHANGED)


def _by_token(reader: Reader, secret: str) -> CurrentUser | None:
    token = oauth.token(reader, secret)
    if token is None:
        return None
    if token.account is None:
        return CurrentUser(token=token)
    return CurrentUser(
        token=token,
        account=accounts.by_actor(reader, token.account),
        actor=actors.by_id(reader, token.account),
    )


def _by_session(reader: Reader, secret: str) -> CurrentUser:
    session = sessions.find(reader, secret)
    if session is None:
        return NOBODY
    return CurrentUser(
        session=session,
        account=accounts.by_actor(reader, session.account),
        actor=actors.by_id(reader, session.account),
    )


def bearer_of(request: web.Request) -> str | None:
    """The token as clients send it: a header, or a parameter."""
    given = header(request, "Authorization")
    if given[:7].lower() == "bearer ":
        return given[7:].strip()
    return request.query.get("access_token") or request.query.get("bearer_token")


async def by_token(request: web.Request) -> CurrentUser:
    """Owner of the token; NOBODY without one. A wrong one is a 401."""
    secret = bearer_of(request)
    if secret is None:
        return NOBODY
    user = await request.app[CURRENT_USERS].of_token(secret)
    if user is None:
        raise unauthorized_refusal("The access token is invalid")
    await _note_use(request, user)
    return user


def unauthorized_refusal(sentence: str) -> Refused:
    return Refused(401, sentence, headers={"WWW-Authenticate": "Bearer"})


async def _note_use(request: web.Request, user: CurrentUser) -> None:
    """Remember when a token was last used, at most every ten minutes."""
    token, now = user.token, request.app[OUTSIDE].clock()
    if token is None:
        return
    used = token.last_used_at
    if used is None or (now - used).total_seconds() > USED_AGAIN:
        with suppress(NotCommitted, Overloaded):  # who only reads does not need it, on a full disk
            await request.app[DATABASE].write(_record_use, token)


def _record_use(writer: Writer, token: Token) -> None:
    oauth.token_used(writer, token.id)
    if token.account is not None:
        accounts.record_use(writer, token.account)
    writer.after_commit(ACCESS, oauth.change_key(token.id))


def ensure_welcome(user: CurrentUser) -> None:
    """Pending, disabled and suspended people have nobody's rights (SECURITY 74)."""
    account = user.account
    if account is None:
        return
    if account.state == "pending":
        missing = "missing a confirmed e-mail address"
        raise Refused(
            403, f"Your login is {missing if account.unconfirmed else 'currently pending approval'}"
        )
    if account.state != "active" or user.actor is None or user.actor.effective_state != "active":
        raise Refused(403, "Your login is currently disabled")


# ---- sessions in a browser ----


def cookie_name(request: web.Request) -> str:
    """`__Host-` binds it to this host and https (SECURITY 69)."""
    return "__Host-kith" if request.app[SETTINGS].secure_cookies else "kith"


async def by_cookie(request: web.Request) -> CurrentUser:
    secret = cookie(request, cookie_name(request))
    if not secret or len(secret) > 200:
        return NOBODY
    user = await request.app[DATABASE].read(_by_session, secret)
    if user.account is None or user.actor is None:
        return NOBODY
    if user.account.state != "active" or user.actor.effective_state != "active":
        return NOBODY
    await _note_visit(request, user)
    return user


async def _note_visit(request: web.Request, user: CurrentUser) -> None:
    """A session ends when it was not used for long, not when it began long ago."""
    session, now = user.session, request.app[OUTSIDE].clock()
    if session and (now - session.last_used_at).total_seconds() > USED_AGAIN:
        with suppress(NotCommitted, Overloaded):
            await request.app[DATABASE].write(sessions.record_use, session.id)


def set_cookie(request: web.Request, response: web.StreamResponse, secret: str) -> None:
    response.set_cookie(
        cookie_name(request),
        secret,
        max_age=COOKIE_LASTS,
        httponly=True,
        secure=request.app[SETTINGS].secure_cookies,
        samesite="Lax",
        path="/",
    )


def drop_cookie(request: web.Request, response: web.StreamResponse) -> None:
    response.del_cookie(
        cookie_name(request),
        path="/",
        secure=request.app[SETTINGS].secure_cookies,
        httponly=True,
        samesite="Lax",
    )


CURRENT_USER = web.RequestKey("current_user", CurrentUser)
_VISITOR_COOKIE = "kith-visitor"


def visitor_of(request: web.Request) -> str:
    """Secret that a form's CSRF token is bound to: the session, or before logging in a cookie."""
    secret = cookie(request, cookie_name(request))
    if not secret:
        secret = cookie(request, _visitor_cookie(request)) or request.get(VISITOR, "")
    if not secret:
        secret = request[VISITOR] = ids.secret(16)
    return secret


def _visitor_cookie(request: web.Request) -> str:
    return f"__Host-{_VISITOR_COOKIE}" if request.app[SETTINGS].secure_cookies else _VISITOR_COOKIE


def keep_visitor(request: web.Request, response: web.StreamResponse) -> None:
    """Send the cookie of a visitor for whom a form was made."""
    if VISITOR in request:
        response.set_cookie(
            _visitor_cookie(request),
            request[VISITOR],
            httponly=True,
            secure=request.app[SETTINGS].secure_cookies,
            samesite="Lax",
            path="/",
        )


def csrf_token(request: web.Request) -> str:
    secret = request.app[SETTINGS].secret or ""
    return hmac.new(secret.encode(), visitor_of(request).encode(), sha256).hexdigest()


def ensure_csrf(request: web.Request, given: str | None) -> None:
    if not given or not ids.same(given, csrf_token(request)):
        raise Refused(
            403,
            "This form was open for too long, or it did not come from our page. Nothing was"
            " changed; please go back, load the page anew and try again.",
        )


def address_of(request: web.Request) -> str:
    """The user's address; a proxy's word counts only when we trust the proxy (SECURITY 4).

    All lines are one list, read from its end: before what a trusted proxy wrote stands what the
    client wrote. A hop that is no address ends it there, at whoever wrote it.
    """
    trusted = request.app[SETTINGS].trusted_proxies
    hops = [hop for hop in header(request, "X-Forwarded-For").split(",") if hop.strip()]
    peer = address_in(request.remote or "") or (request.remote or "")
    while hops and _is_trusted(peer, trusted):
        hop = address_in(hops.pop())
        if not hop:
            break
        peer = hop
    return peer


def network_of_request(request: web.Request) -> str:
    """Network in whose name work is done for somebody who has not proved who they are."""
    return block_of(address_of(request)) or "unknown"


def _is_trusted(address: str, trusted: Iterable[Network]) -> bool:
    if not address:
        return True  # a Unix socket has no address: only our own proxy reaches it
    try:
        found = ip_address(address)
    except ValueError:
        return False
    return any(found in network for network in trusted)
