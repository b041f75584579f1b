"""OAuth 2: the consent page, and the endpoints where codes become tokens."""

from base64 import b64decode
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, unquote, urlencode, urlsplit

from aiohttp import web

from federation.vocabulary import uris
from server.access import oauth_grants
from server.access.oauth_grants import (
    OOB,
    AuthorizationRequest,
    Client,
    Exchange,
    GrantError,
    Misdirected,
)
from server.entities.account import MISSING_AVATAR
from server.http.app_keys import DATABASE, SETTINGS
from server.http.errors import Refused
from server.http.forms import Form, form_of
from server.http.guard import Access, Route, current_user, form_route, get, page, post
from server.http.headers import PAGE_POLICY
from server.http.parsing import header
from server.http.responses import answer
from server.i18n.translations import available, choose_locale
from server.pages import paths, scopes, site
from server.pages.site import PageRequest, PageResponse
from server.pages.views import CodeView, ConsentView
from storage.engine.transaction import Reader

_NAMES = (
    "response_type", "client_id", "redirect_uri", "scope", "state", "code_challenge",
    "code_challenge_method",
)  # fmt: skip


def _parameters(form: Form) -> dict[str, str]:
    """Parameters that the app sent, in the query or in the form."""
    found = {name: form.text(name, 4096) for name in _NAMES}
    return {name: value for name, value in found.items() if value is not None}


async def _parse_request(request: web.Request) -> AuthorizationRequest:
    """Parse what the app asks for; raise the answer that leads to where its mistake is told."""
    form = await form_of(request)
    try:
        return await request.app[DATABASE].read(oauth_grants.parse_authorization, _parameters(form))
    except GrantError as error:
        raise Refused(error.status, error.sentence) from error
    except Misdirected as error:
        raise _tell_app(request, form, error) from error


def _tell_app(request: web.Request, form: Form, error: Misdirected) -> Exception:
    """A mistake goes to the app, once somebody has logged in.

    Until then our address would lead anywhere, for whoever registers an app (RFC 9700 §4.11.2).
    """
    if form.text("redirect_uri") == OOB:
        return Refused(400, "The app asks for something that we do not offer. Nothing was changed.")
    return _away(error.address) if current_user(request).actor else _to_login(request)


def _away(address: str) -> web.HTTPFound:
    """Redirect to the app's address exactly as it registered it; a URL object would rewrite it."""
    there = web.HTTPFound("/")
    there.headers["Location"] = address
    return there


async def authorize(request: web.Request) -> web.Response:
    """GET: who is logged in is always asked; nobody else sees a page of ours first."""
    asking = await _parse_request(request)
    who, form = current_user(request), await form_of(request)
    if who.actor is None or form.flag("force_login"):
        raise _to_login(request)
    page_request = site.page_request(request, who.actor, form=True)
    page_request = replace(
        page_request, locale=choose_locale(form.text("lang"), [page_request.locale, *available()])
    )

    def unit(_: Reader, page_request: PageRequest) -> ConsentView:
        return _view(asking, request, page_request)

    view, frame = await site.read(request, page_request, unit)
    response = site.answer(request, page_request, PageResponse("consent", frame, view, 200))
    response.headers["Content-Security-Policy"] = form_policy(asking.redirect_uri)
    return response


def _to_login(request: web.Request) -> web.HTTPSeeOther:
    return web.HTTPSeeOther(_login_page(request))


def _login_page(request: web.Request) -> str:
    """The page to log in on, which leads back to this one, and not to itself again."""
    given = parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True)
    kept = urlencode([(name, value) for name, value in given if name != "force_login"])
    spoken = [("lang", value) for name, value in given if name == "lang"][:1]
    return f"{paths.LOGIN}?{urlencode([('next', f'{paths.AUTHORIZE}?{kept}'), *spoken])}"


def _view(
    asking: AuthorizationRequest, request: web.Request, page_request: PageRequest
) -> ConsentView:
    return ConsentView(
        app=asking.app.name,
        may=scopes.may(asking.scopes, page_request.locale),
        may_not=scopes.may_not(asking.scopes, page_request.locale),
        redirect=None if asking.redirect_uri == OOB else _goal(asking.redirect_uri),
        website=urlsplit(asking.app.website).hostname if asking.app.website else None,
        hidden=asking.hidden_fields(),
        other_url=_login_page(request),
    )


def _goal(redirect_uri: str) -> str:
    """Goal of a redirect as it is shown: a host, or the app's own scheme."""
    parts = urlsplit(redirect_uri)
    return parts.netloc if parts.scheme in ("http", "https") else f"{parts.scheme}:"


def form_policy(redirect_uri: str) -> str:
    """Browsers hold the redirect after a form against form-action too (STYLE.md)."""
    if redirect_uri == OOB:
        return PAGE_POLICY
    parts = urlsplit(redirect_uri)
    web_page = parts.scheme in ("http", "https")
    allowed = f"{parts.scheme}://{parts.netloc}" if web_page else f"{parts.scheme}:"
    safe = "".join(c for c in allowed if c.isalnum() or c in "+-.:/[]")
    return PAGE_POLICY.replace("form-action 'self'", f"form-action 'self' {safe}")


async def decide(request: web.Request) -> web.Response:
    """POST: yes or no, in the name of whoever is logged in."""
    asking, form, who = await _parse_request(request), await form_of(request), current_user(request)
    if form.text("answer") != "yes":
        refusal = {"error": "access_denied", "error_description": "The member said no."}
        if asking.redirect_uri == OOB:
            raise web.HTTPSeeOther(paths.HOME)
        raise _away(oauth_grants.back_to(asking.redirect_uri, refusal, asking.state))
    try:
        code = await request.app[DATABASE].write(oauth_grants.grant, asking, who.me.id)
    except GrantError as error:
        raise Refused(error.status, error.sentence) from error
    if asking.redirect_uri != OOB:
        raise _away(oauth_grants.back_to(asking.redirect_uri, {"code": code}, asking.state))
    page_request = site.page_request(request, who.actor)
    view, frame = await site.read(request, page_request, lambda *_: CodeView(asking.app.name, code))
    return site.answer(request, page_request, PageResponse("code", frame, view, 200))


# ---- for apps ----


def _client(request: web.Request, form: Form) -> Client:
    """Client by HTTP Basic or by parameters (RFC 6749 §2.3.1)."""
    given = header(request, "Authorization")
    if given[:6].lower() == "basic ":
        try:
            name, _, secret = b64decode(given[6:], validate=True).decode().partition(":")
            return Client(unquote(name), unquote(secret))
        except ValueError:
            return Client("", "")
    return Client(form.text("client_id", 200) or "", form.text("client_secret", 200) or "")


def _fail(error: GrantError) -> web.Response:
    body = {"error": error.code, "error_description": error.sentence}
    return _forbid_caching(answer(body, error.status))


def _forbid_caching(response: web.Response) -> web.Response:
    response.headers["Cache-Control"] = "no-store"
    return response


async def token(request: web.Request) -> web.Response:
    form = await form_of(request)
    said, database = _client(request, form), request.app[DATABASE]
    try:
        match form.text("grant_type", 100):
            case "authorization_code":
                given = Exchange(
                    form.text("code", 200) or "",
                    form.text("redirect_uri", 4096) or "",
                    form.text("code_verifier", 200),
                )
                issued = await database.write(oauth_grants.exchange, said, given)
                if isinstance(issued, GrantError):
                    raise issued
            case "client_credentials":
                scope = form.text("scope", 4096)
                issued = await database.write(oauth_grants.for_app, said, scope)
            case _:
                raise GrantError("unsupported_grant_type", "That grant type is not offered here.")
    except GrantError as error:
        return _fail(error)
    return _forbid_caching(answer(issued.answer()))


async def revoke(request: web.Request) -> web.Response:
    form = await form_of(request)
    said = _client(request, form)
    try:
        await request.app[DATABASE].write(oauth_grants.revoke, said, form.text("token", 200) or "")
    except GrantError as error:
        return _fail(error)
    return answer({})


async def userinfo(request: web.Request) -> web.Response:
    """OpenID Connect's short profile, for tokens with `profile`."""
    me, origin = current_user(request).me, request.app[SETTINGS].web_origin
    instance = request.app[DATABASE].site
    picture = f"/media/{me.avatar}" if me.avatar else MISSING_AVATAR
    body: Mapping[str, Any] = {
        "iss": f"{origin}/",
        "sub": me.uri,
        "name": me.display_name or me.name,
        "preferred_username": me.name,
        "profile": uris.profile_page(instance, me.name),
        "picture": f"{origin}{picture}",
    }
    return answer(body)


ROUTES: list[Route] = [
    page(paths.AUTHORIZE, authorize),
    form_route(paths.AUTHORIZE, decide),
    post("/oauth/token", token, Access.ANYBODY, limits=("token",)),
    post("/oauth/revoke", revoke, Access.ANYBODY, limits=("token",)),
    get("/oauth/userinfo", userinfo, Access.MEMBER, "profile", "read:accounts"),
    post("/oauth/userinfo", userinfo, Access.MEMBER, "profile", "read:accounts"),
]
