"""The second step of logging in, and logging in with a passkey."""

from dataclasses import dataclass, replace

from aiohttp import web

from server.access import passkeys
from server.access import second_factor as rules
from server.access.second_factor import Guess
from server.http.app_keys import DATABASE, SETTINGS
from server.http.forms import Form, form_of
from server.http.guard import Access, Route, form_route, page
from server.i18n.translations import N_, available, choose_locale, translations
from server.pages import paths, site
from server.pages.access import ceremonies
from server.pages.access.ceremonies import ENTER, MOST_CODES, ONCE, SECOND
from server.pages.access.guess_limits import count_guess
from server.pages.access.sessions import onward, start_session
from server.pages.site import PageResponse
from server.pages.views import FormView, LoginView
from storage.access import accounts, second_factor
from storage.access.accounts import Account
from storage.access.challenges import Challenge
from storage.access.second_factor import Passkey
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.people import actors

WAITING = N_("Your account is waiting for a steward’s answer. You can log in once it has come.")
UNCONFIRMED = N_(
    "First open the link in the letter that we sent you. If none came, look among the unwanted"
    " mail; ten minutes after the last one, logging in sends another."
)
CLOSED = N_("This account cannot log in at the moment. Please ask the stewards.")
_NOT_THIS = N_(
    "That code does not fit, or it was used already. A new one comes every half minute; please try"
    " that."
)
_AGAIN = N_("That took too long, or was tried too often. Please log in once more.")
_NO_PASSKEY = N_("That did not work. Please try once more, or log in with your password.")
_SECOND_FORM = FormView("second")
_PASSKEY_FORM = FormView("passkey")


@dataclass(frozen=True, slots=True)
class SecondView:
    """The second step; where one goes afterwards is kept with what was begun."""

    form: FormView = _SECOND_FORM


@dataclass(frozen=True, slots=True)
class PasskeyView:
    """Logging in with a passkey: `options` for the browser, as JSON."""

    options: str
    next: str = ""
    form: FormView = _PASSKEY_FORM


async def show(
    request: web.Request, template: str, view: object, status: int = 200
) -> web.Response:
    """A page for coming in, in the language that an app may have asked for at /oauth/authorize."""
    page_request = site.page_request(request, site.me_of(request), form=True)
    lang = request.query.get("lang")
    page_request = replace(
        page_request, locale=choose_locale(lang, [page_request.locale, *available()])
    )
    frame = await site.frame_alone(request, page_request)
    return site.answer(request, page_request, PageResponse(template, frame, view, status))


def validate_state(account: Account) -> str | None:
    """Objection to somebody who proved who they are and cannot come in all the same."""
    if account.state == "pending":
        return UNCONFIRMED if account.unconfirmed else WAITING
    return None if account.state == "active" else CLOSED


def effective_account(reader: Reader, account: Account | None) -> Account | None:
    """Count an account whose actor is suspended as disabled; one that waits still waits."""
    if account is None or account.state != "active":
        return account
    actor = actors.by_id(reader, account.actor)
    out = actor is not None and actor.effective_state != "active"
    return replace(account, state="disabled") if out else account


async def let_in(request: web.Request, account: ActorId, then: str) -> web.Response:
    """The password was right: in at once, or on to the second step where there is one."""
    if not await request.app[DATABASE].read(rules.in_force, account):
        return await _in(request, account, then)
    secret = await ceremonies.begin(request, SECOND, account, {"next": then})
    response = web.Response(status=303, headers={"Location": paths.LOGIN_SECOND})
    ceremonies.keep(request, response, SECOND, secret)
    return response


async def _in(request: web.Request, account: ActorId, then: str) -> web.Response:
    response = web.Response(status=303, headers={"Location": then})
    await start_session(request, response, account)
    return response


async def _from_the_start(request: web.Request) -> web.Response:
    said = translations(site.locale_of(request)).gettext(_AGAIN)
    return await show(request, "login", LoginView(FormView("login", {}, {}, said)), 422)


# ---- the second step ----


async def second(request: web.Request) -> web.Response:
    """GET /login/second: only in the browser in which the password was right."""
    if await ceremonies.find(request, SECOND, MOST_CODES) is None:
        return await _from_the_start(request)
    return await show(request, "second_step", SecondView())


async def second_given(request: web.Request) -> web.Response:
    """POST /login/second: five tries, counted by address and account as well (SECURITY 72)."""
    form = await form_of(request)
    begun = await ceremonies.attempt(request, SECOND, MOST_CODES)
    if begun is None or begun.account is None:
        return await _from_the_start(request)
    owner = begun.account
    await count_guess(request, "second", f"account {owner}", lambda _: owner)
    guess = Guess(begun.account, form.text("code", 100) or "", request.app[SETTINGS].secret or "")
    sentence = await request.app[DATABASE].write(_second, guess)
    if sentence is not None:
        said = translations(site.locale_of(request)).gettext(sentence)
        view = SecondView(FormView("second", {}, {"code": said}))
        return await show(request, "second_step", view, 422)
    response = await _in(request, begun.account, onward(begun.detail.get("next")))
    await ceremonies.end(request, response, SECOND)
    return response


def _second(writer: Writer, guess: Guess) -> str | None:
    """Objection to a code, or what became of the account since the password was given."""
    account = effective_account(writer, accounts.by_actor(writer, guess.account))
    if account is None or not rules.accepts(writer, guess):
        return _NOT_THIS
    return validate_state(account)


# ---- a passkey ----


async def passkey(request: web.Request) -> web.Response:
    """GET /login/passkey: the browser is asked for any passkey that it has for this place."""
    return await _passkey_page(request, onward(request.query.get("next")), None)


async def _passkey_page(request: web.Request, then: str, sentence: str | None) -> web.Response:
    secret = await ceremonies.begin(request, ENTER)
    options = passkeys.request(request.app[SETTINGS], secret)
    said = translations(site.locale_of(request)).gettext(sentence) if sentence else None
    view = PasskeyView(options, then, FormView("passkey", {}, {}, said))
    response = await show(request, "passkey", view, 422 if sentence else 200)
    ceremonies.keep(request, response, ENTER, secret)
    ceremonies.allow_script(request)
    return response


async def passkey_given(request: web.Request) -> web.Response:
    """POST /login/passkey: a whole log-in, as the passkey has verified its owner."""
    form = await form_of(request)
    then = onward(form.text("next", 4096))
    known = await _verify(request, form, ENTER)
    if known is None:
        return await _passkey_page(request, then, _NO_PASSKEY)
    account = await request.app[DATABASE].read(_owner, known)
    error = validate_state(account) if account else _NO_PASSKEY
    if error is not None:
        return await _passkey_page(request, then, error)
    response = await _in(request, known.account, then)
    await ceremonies.end(request, response, ENTER)
    return response


def _owner(reader: Reader, known: Passkey) -> Account | None:
    return effective_account(reader, accounts.by_actor(reader, known.account))


async def _verify(request: web.Request, form: Form, kind: str) -> Passkey | None:
    """The passkey that was used, once for each challenge."""
    begun = await ceremonies.attempt(request, kind, ONCE)
    said = form.text("credential", passkeys.LONGEST) or ""
    return await verify_passkey(request, begun, said, kind)


async def verify_passkey(
    request: web.Request, begun: Challenge | None, said: str, kind: str
) -> Passkey | None:
    """The passkey that answered what was begun; None when that is not proved."""
    named = passkeys.credential_id(said) if begun else None
    known = await request.app[DATABASE].read(second_factor.passkey, named) if named else None
    if known is None or begun is None or begun.account not in (None, known.account):
        return None
    secret = ceremonies.secret_of(request, kind)
    uses = passkeys.verify_assertion(request.app[SETTINGS], secret, said, known)
    if uses is None:
        return None
    await request.app[DATABASE].write(second_factor.passkey_used, known.id, uses)
    return known


ROUTES: list[Route] = [
    page(paths.LOGIN_SECOND, second),
    form_route(paths.LOGIN_SECOND, second_given, Access.VISITOR, "second", guessed=True),
    page(paths.LOGIN_PASSKEY, passkey, limit="ceremony"),
    form_route(paths.LOGIN_PASSKEY, passkey_given, Access.VISITOR, "ceremony"),
]
