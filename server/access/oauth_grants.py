"""OAuth 2 without HTTP: what a request for a grant may be, and how a code becomes a token.

RFC 6749, RFC 7636 (PKCE, S256 only), SECURITY 64-67.
"""

import json
import re
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from urllib.parse import urlencode, urlsplit

from server.access import scopes
from storage.access import accounts, oauth
from storage.access.oauth import App, Code
from storage.engine import ids
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer

OOB = "urn:ietf:wg:oauth:2.0:oob"
CODE_LASTS = timedelta(minutes=10)
REFUSED_SCHEMES = frozenset(("javascript", "data", "vbscript", "file", "blob", "about", "mailto"))
MOST_URIS = 20
LONGEST_URI = 2000
# Browsers read a backslash as a slash, and emails of other scripts look like ours: the host that
# the consent page shows would not be the one where one goes.
_PLAIN = re.compile(r"[!-\[\]-~]+")


class GrantError(Exception):
    """`code` in the words of RFC 6749 §4.1.2.1 and §5.2; `status` of the answer."""

    def __init__(self, code: str, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.code = code
        self.sentence = sentence
        self.status = status


def validate_redirect(uri: str) -> str | None:
    """Objection to an address that an app would register (SECURITY 64), if there is one."""
    if uri == OOB:
        return None
    if len(uri) > LONGEST_URI or not _PLAIN.fullmatch(uri):
        return "A redirect address is one line in ASCII, without blanks and backslashes."
    try:
        parts = urlsplit(uri)
    except ValueError:
        return "A redirect address looks like https://app.example/callback."
    if not parts.scheme or parts.scheme.lower() in REFUSED_SCHEMES:
        return "A redirect address begins with https:// or with the app’s own scheme."
    if parts.fragment or "#" in uri:
        return "A redirect address has no fragment (#)."
    if parts.scheme in ("http", "https") and (not parts.hostname or "@" in parts.netloc):
        return "A redirect address has a host, and no user name."
    return None


@dataclass(frozen=True, slots=True)
class AuthorizationRequest:
    """A valid request for a grant, before anybody said yes."""

    app: App
    redirect_uri: str
    scopes: tuple[str, ...]
    state: str | None
    challenge: str | None

    def hidden_fields(self) -> tuple[tuple[str, str], ...]:
        """The parameters as the consent form carries them along."""
        given = {
            "response_type": "code",
            "client_id": self.app.client_id,
            "redirect_uri": self.redirect_uri,
            "scope": " ".join(self.scopes),
            "state": self.state,
            "code_challenge": self.challenge,
            "code_challenge_method": "S256" if self.challenge else None,
        }
        return tuple((name, value) for name, value in given.items() if value is not None)


class Misdirected(Exception):
    """A wrong request whose app and address are right: told to the app (RFC 6749 §4.1.2.1)."""

    def __init__(self, address: str) -> None:
        super().__init__(address)
        self.address = address


def parse_authorization(reader: Reader, given: Mapping[str, str]) -> AuthorizationRequest:
    """Check a request. Raises GrantError where nothing may be redirected, else Misdirected."""
    app = oauth.by_client_id(reader, given.get("client_id", ""))
    if app is None:
        raise GrantError("invalid_client", "No app is registered here under that name.")
    redirect_uri = given.get("redirect_uri", "")
    if redirect_uri not in app.redirect_uris:
        raise GrantError(
            "invalid_grant", "The app did not register the address to which it wants you to go."
        )
    wanted = scopes.split(given.get("scope"))
    problem = _problem(app, given, wanted)
    if problem is not None:
        answer = {"error": problem[0], "error_description": problem[1]}
        raise Misdirected(back_to(redirect_uri, answer, given.get("state")))
    challenge = given.get("code_challenge") or None
    return AuthorizationRequest(app, redirect_uri, tuple(wanted), given.get("state"), challenge)


def _problem(app: App, given: Mapping[str, str], wanted: list[str]) -> tuple[str, str] | None:
    if given.get("response_type") != "code":
        return "unsupported_response_type", "Only the response type “code” is offered."
    if any(scope not in scopes.KNOWN for scope in wanted):
        return "invalid_scope", "One of the scopes is not known here."
    if not scopes.within(wanted, app.scopes.split()):
        return "invalid_scope", "The app asks for more than it registered for."
    method = given.get("code_challenge_method") or "plain"
    if given.get("code_challenge") and method != "S256":
        return "invalid_request", "Of the code challenge methods only S256 is offered."
    return None


def back_to(redirect_uri: str, answer: Mapping[str, str], state: str | None) -> str:
    """The app's address with our answer in its query; only registered ones come here.

    Joined as text, so that it stays what was registered: taken apart and put together again,
    `lantern://` would become `lantern:`.
    """
    query = urlencode(dict(answer) if state is None else {**answer, "state": state})
    between = "" if redirect_uri[-1] in "?&" else "&" if "?" in redirect_uri else "?"
    return f"{redirect_uri}{between}{query}"


def grant(writer: Writer, asking: AuthorizationRequest, account: ActorId) -> str:
    """Code, shown once, when somebody said yes. Raises GrantError for what they may not give."""
    who = accounts.by_actor(writer, account)
    wanted = list(asking.scopes)
    if who is None or (who.role != "admin" and scopes.without_admins(wanted) != wanted):
        raise GrantError("invalid_scope", "Only an admin can let an app do an admin’s work.", 403)
    secret = ids.secret()
    code = Code(
        asking.app.id,
        account,
        asking.redirect_uri,
        " ".join(asking.scopes),
        asking.challenge,
        writer.now + CODE_LASTS,
    )
    oauth.add_code(writer, secret, code)
    return secret


@dataclass(frozen=True, slots=True)
class Client:
    """Client that calls the token endpoint, as it names itself."""

    client_id: str
    secret: str = field(repr=False)


def client(reader: Reader, said: Client) -> App:
    """The app, when its secret is right, compared in constant time. Raises GrantError."""
    app = oauth.by_client_id(reader, said.client_id)
    known = app.secret if app else oauth.hash_secret("nobody")
    if not ids.same(oauth.hash_secret(said.secret), known) or app is None:
        raise GrantError(
            "invalid_client",
            "Client authentication failed due to unknown client, no client authentication"
            " included, or unsupported authentication method.",
            401,
        )
    return app


@dataclass(frozen=True, slots=True)
class Exchange:
    """A code on its way to becoming a token."""

    code: str = field(repr=False)
    redirect_uri: str
    verifier: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Issued:
    """A new token; `secret` is shown once. `created_at` in seconds."""

    secret: str = field(repr=False)
    scopes: str
    created_at: int
    number: int

    def answer(self) -> dict[str, str | int]:
        return {
            "access_token": self.secret,
            "token_type": "Bearer",
            "scope": self.scopes,
            "created_at": self.created_at,
        }


def exchange(writer: Writer, said: Client, given: Exchange) -> Issued | GrantError:
    """Single use, bound to app, address and verifier (SECURITY 65). A second use revokes.

    What is refused is returned, not raised: a reuse must revoke the token, and that must be kept.
    """
    app = client(writer, said)
    code = oauth.code(writer, given.code)
    bad = GrantError(
        "invalid_grant",
        "The provided authorization grant is invalid, expired, revoked, does not match the"
        " redirection URI used in the authorization request, or was issued to another client.",
    )
    if code is None or code.app != app.id:
        return bad
    if code.used_at is not None:
        if code.token is not None:
            oauth.revoke(writer, code.token)
        return bad
    if code.expires_at <= writer.now or code.redirect_uri != given.redirect_uri:
        return bad
    if not _proves(code.challenge, given.verifier):
        return bad
    issued = issue(writer, app.id, code.account, code.scopes)
    oauth.code_used(writer, given.code, issued.number)
    return issued


def _proves(challenge: str | None, verifier: str | None) -> bool:
    """RFC 7636 §4.6, S256. A proof that nobody asked for is a downgrade (RFC 9700 §4.8.2)."""
    if challenge is None:
        return not verifier
    digest = sha256((verifier or "").encode()).digest()
    return ids.same(urlsafe_b64encode(digest).rstrip(b"=").decode(), challenge.rstrip("="))


def issue(writer: Writer, app: int, account: ActorId | None, granted: str) -> Issued:
    """A new token for an app, in somebody's name or in its own."""
    secret = ids.secret()
    number = oauth.issue(writer, secret, app, account, granted)
    return Issued(secret, granted, int(writer.now.timestamp()), number)


def for_app(writer: Writer, said: Client, scope: str | None) -> Issued:
    """A token of the app itself, with nobody behind it (client_credentials)."""
    app = client(writer, said)
    wanted = scopes.split(scope)
    if not scopes.within(wanted, app.scopes.split()) or not scopes.KNOWN.issuperset(wanted):
        raise GrantError("invalid_scope", "The app asks for more than it registered for.")
    if scopes.without_admins(wanted) != wanted:
        raise GrantError("invalid_scope", "Only an admin can let an app do an admin’s work.")
    return issue(writer, app.id, None, " ".join(wanted))


def revoke(writer: Writer, said: Client, secret: str) -> None:
    """RFC 7009: an unknown token is as good as revoked; another app's is refused."""
    try:
        app = client(writer, said)
    except GrantError as error:
        raise GrantError("unauthorized_client", error.sentence, 403) from error
    token = oauth.token(writer, secret)
    if token is None:
        return
    if token.app != app.id:
        raise GrantError("unauthorized_client", "You are not authorized to revoke this token", 403)
    oauth.revoke(writer, token.id)


def redirects_of(given: str | list[str]) -> list[str]:
    """Redirect addresses as clients send them: one, several in lines, or a list."""
    if isinstance(given, str) and given.startswith("["):
        try:
            given = [str(one) for one in json.loads(given)]
        except (ValueError, RecursionError):
            return []
    return given.split() if isinstance(given, str) else given
