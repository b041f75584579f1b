"""Reauthentication: a password, a code or a passkey once more before what does lasting harm."""

from dataclasses import dataclass

from aiohttp import web

from server.access import passkeys, passwords
from server.access import second_factor as rules
from server.access.second_factor import Guess
from server.http.app_keys import DATABASE, SETTINGS
from server.http.forms import form_of
from server.http.guard import Access, Route, count, current_user, form_route, page
from server.i18n.translations import N_, translations
from server.pages import paths, site
from server.pages.access import ceremonies
from server.pages.access import second_factor as second_factor_pages
from server.pages.access.ceremonies import ONCE
from server.pages.access.sessions import onward
from server.pages.site import PageResponse
from server.pages.views import FormView
from storage.access import second_factor, sessions
from storage.access.second_factor import Passkey
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader

_NOT_THIS = N_("That is neither your password nor a code that fits now.")
_NOT_THIS_PASSWORD = N_("That is not your password.")
_NO_PASSKEY = N_("That did not work. Please try once more, or use your password.")
_PROVE_FORM = FormView("prove")


@dataclass(frozen=True, slots=True)
class ProofView:
    """`coded`: a code is as good as the password; `options`, as JSON, where there are passkeys."""

    next: str
    coded: bool
    options: str | None = None
    form: FormView = _PROVE_FORM


@dataclass(frozen=True, slots=True)
class _Ways:
    coded: bool
    keys: list[Passkey]


def _ways(reader: Reader, account: ActorId) -> _Ways:
    return _Ways(rules.in_force(reader, account), second_factor.passkeys_of(reader, account))


async def prove(request: web.Request) -> web.Response:
    """GET /settings/prove?next=path"""
    return await _page(request, onward(request.query.get("next")), FormView("prove"))


async def _page(request: web.Request, then: str, form: FormView) -> web.Response:
    me = current_user(request).me
    ways = await request.app[DATABASE].read(_ways, me.id)
    secret = await ceremonies.begin(request, ceremonies.PROVE, me.id) if ways.keys else None
    options = passkeys.request(request.app[SETTINGS], secret, ways.keys) if secret else None
    page_request = site.page_request(request, me, form=True, current_page="settings")
    frame = await site.frame_alone(request, page_request)
    status = 422 if form.errors or form.said else 200
    page_response = PageResponse(
        "reauthentication", frame, ProofView(then, ways.coded, options, form), status
    )
    response = site.answer(request, page_request, page_response)
    if secret is None:
        return response
    ceremonies.keep(request, response, ceremonies.PROVE, secret)
    ceremonies.allow_script(request)
    return response


async def check_proof(request: web.Request) -> web.Response:
    """POST /settings/prove: counted in the session alone (SECURITY 72)."""
    form, who = await form_of(request), current_user(request)
    then, account = onward(form.text("next", 4096)), who.own_account.actor
    count(request, "second", f"proof {who.session.id if who.session else account}")
    _ = translations(site.locale_of(request)).gettext
    if "credential" in form:
        if not await _by_passkey(request, account, form.text("credential", passkeys.LONGEST) or ""):
            return await _page(request, then, FormView("prove", {}, {}, _(_NO_PASSKEY)))
    elif not await _by_words(request, account, form.text("proof", 2000) or ""):
        coded = (await request.app[DATABASE].read(_ways, account)).coded
        said = _(_NOT_THIS if coded else _NOT_THIS_PASSWORD)
        return await _page(request, then, FormView("prove", {}, {"proof": said}))
    if who.session is not None:
        await request.app[DATABASE].write(sessions.prove, who.session.id)
    return web.Response(status=303, headers={"Location": then})


async def _by_words(request: web.Request, account: ActorId, typed: str) -> bool:
    """A code of the app, a recovery code, or the password."""
    guess = Guess(account, typed[:100], request.app[SETTINGS].secret or "")
    if await request.app[DATABASE].write(rules.accepts, guess):
        return True
    known = current_user(request).own_account.password
    return await passwords.fits(typed[: passwords.LONGEST + 1], known, f"member {account}")


async def _by_passkey(request: web.Request, account: ActorId, said: str) -> bool:
    begun = await ceremonies.attempt(request, ceremonies.PROVE, ONCE)
    if begun is None or begun.account != account:
        return False
    proved = await second_factor_pages.verify_passkey(request, begun, said, ceremonies.PROVE)
    return proved is not None


ROUTES: list[Route] = [
    page(paths.REAUTHENTICATION, prove, Access.LOGGED_IN),
    form_route(paths.REAUTHENTICATION, check_proof, limit="login"),
]
