"""Coming in and going out: sign up, log in, log out, a new password."""

from dataclasses import replace
from datetime import timedelta
from functools import partial

from aiohttp import web

from server.access import account_creation, email_confirmation, passwords
from server.access.signup import NotYet, SignupParams, sign_up
from server.http import auth
from server.http.app_keys import DATABASE, OUTSIDE, SETTINGS
from server.http.errors import Refused
from server.http.forms import Form, form_of
from server.http.guard import Access, Route, as_typed, count, form_route, page
from server.http.ip_blocks import ensure_sign_up
from server.i18n.translations import N_, translations
from server.mail import smtp
from server.pages import paths, site
from server.pages.access import second_factor
from server.pages.access.guess_limits import count_guess, know
from server.pages.access.sessions import leave_session, onward, start_session
from server.pages.views import (
    Entered,
    FormView,
    LoginView,
    NewPasswordView,
    ResetView,
    SignupDoneView,
    SignupView,
)
from storage.access import accounts, sessions
from storage.access.accounts import Account
from storage.access.signup_blocks import canonical_hash
from storage.engine import ids
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer

RESET_LASTS = timedelta(hours=1)
_TYPED = ("reason", "username", "email", "invite_code")
_NO_EMAIL = N_("This server sends no letters. A steward can give you a link for it.")
_USED = "This link was used already, or its hour is over. Ask for a new one."
_WRONG = N_("That name and that password do not go together. Please try once more.")


# ---- sign up ----


async def signup(request: web.Request) -> web.Response:
    invitation = request.query.get("invite_code", "")[:200]
    return await second_factor.show(request, "signup", SignupView(invitation=invitation))


async def join(request: web.Request) -> web.Response:
    """POST /signup: in at once, or waiting for one's own yes or a steward's."""
    form, settings = await form_of(request), request.app[SETTINGS]
    watched = await ensure_sign_up(request, settings.registrations)
    params = _parse(form, settings.registrations, site.locale_of(request))
    params = replace(params, watched=watched, confirms=bool(settings.smtp_host))
    params = replace(params, source=auth.network_of_request(request))
    count(request, "signup", as_typed(canonical_hash(params.email)))
    try:
        actor = await sign_up(request.app[DATABASE], params)
    except NotYet as error:
        return await _again(request, form, error)
    handle = f"@{actor.name}@{settings.domain}"
    state: Entered = "letter" if params.confirms else "asked" if params.waits else "in"
    view = SignupDoneView(state, handle, params.email)
    response = await second_factor.show(request, "signup_done", view)
    if state == "in":
        await start_session(request, response, actor.id)
    return response


def _parse(form: Form, mode: str, locale: str) -> SignupParams:
    return SignupParams(
        name=(form.text("username", 200) or "").strip().lower(),
        email=(form.text("email", 400) or "").strip(),
        password=form.text("password", 2000) or "",
        agreed=bool(form.text("agreement", 20)),
        version=form.text("agreement", 20),
        reason=form.text("reason", 5000) or "",
        invitation=(form.text("invite_code", 200) or "").strip(),
        mode=mode,
        locale=locale,
    )


async def _again(request: web.Request, form: Form, error: NotYet) -> web.Response:
    """The form with what is to be looked at; everything typed is there but the password."""
    _ = translations(site.locale_of(request)).gettext
    typed = {name: form.text(name, 5000) or "" for name in (*_TYPED, "agreement")}
    errors = {name: one.sentence_in(_) for name, one in error.form_errors.items()}
    view = SignupView(FormView("signup", typed, errors), typed["invite_code"])
    return await second_factor.show(request, "signup", view, 422)


# ---- log in and out ----


async def login(request: web.Request) -> web.Response:
    view = LoginView(next=onward(request.query.get("next")))
    return await second_factor.show(request, "login", view)


async def enter(request: web.Request) -> web.Response:
    """POST /login: the same work and words whether or not somebody exists (SECURITY 71)."""
    form = await form_of(request)
    typed = (form.text("login", 400) or "").strip()
    source = await count_guess(request, "login", as_typed(typed), partial(_number, login=typed))
    account = await request.app[DATABASE].read(_find_account, typed)
    password = (form.text("password", 2000) or "")[: passwords.LONGEST + 1]
    fits = await passwords.fits(password, account.password if account else None, source)
    sentence = _validate(account, fits)
    if account is not None and fits and account.unconfirmed and account.state == "pending":
        await request.app[DATABASE].write(email_confirmation.ask_again, account.actor)
    if sentence is not None or account is None:
        return await _not_in(request, typed, sentence or _WRONG, onward(form.text("next", 4096)))
    return await second_factor.let_in(request, account.actor, onward(form.text("next", 4096)))


def _number(reader: Reader, login: str) -> ActorId | None:
    account = accounts.by_login(reader, login)
    return account.actor if account else None


def _find_account(reader: Reader, login: str) -> Account | None:
    """Find the account that logs in.

    One that waits is known by name alone: the address would tell whether it is a member's.
    """
    account = second_factor.effective_account(reader, accounts.by_login(reader, login))
    by_address = "@" in login.removeprefix("@")
    return None if account and account.state == "pending" and by_address else account


def _validate(account: Account | None, fits: bool) -> str | None:
    """Tell the state of an account to whoever knows the password, and to nobody else."""
    if account is None or not fits:
        return _WRONG
    return second_factor.validate_state(account)


async def _not_in(request: web.Request, typed: str, sentence: str, then: str) -> web.Response:
    said = translations(site.locale_of(request)).gettext(sentence)
    view = LoginView(FormView("login", {"login": typed}, {}, said), then)
    return await second_factor.show(request, "login", view, 422)


async def logout(request: web.Request) -> web.Response:
    await leave_session(request)
    response = web.Response(status=303, headers={"Location": paths.HOME})
    auth.drop_cookie(request, response)
    return response


# ---- a new password ----


async def reset(request: web.Request) -> web.Response:
    if request.app[SETTINGS].smtp_host:
        return await second_factor.show(request, "reset", ResetView())
    return await _ask_a_steward(request, "")


async def _ask_a_steward(request: web.Request, typed: str) -> web.Response:
    """Point to the command that gives a link (`kith account reset`) where no emails are sent."""
    said = translations(site.locale_of(request)).gettext(_NO_EMAIL)
    return await second_factor.show(
        request, "reset", ResetView(FormView("reset", {"email": typed}, {}, said))
    )


async def ask_reset(request: web.Request) -> web.Response:
    """POST /reset: the same answer whether or not the address is known (SECURITY 71)."""
    form, settings = await form_of(request), request.app[SETTINGS]
    typed = (form.text("email", 400) or "").strip()
    await count_guess(request, "reset", as_typed(typed), partial(_number, login=typed))
    if not settings.smtp_host:
        return await _ask_a_steward(request, typed)
    smtp.in_background(_send_link(request.app, typed))
    return await second_factor.show(request, "reset", ResetView(sent=True))


def _offer(writer: Writer, email: str, secret: str) -> Account | None:
    account = accounts.by_login(writer, email) if "@" in email else None
    if account is None or account.state != "active":
        return None
    sessions.offer_reset(writer, secret, account.actor, RESET_LASTS)
    return account


async def _send_link(app: web.Application, email: str) -> None:
    """Send a link to whom the address belongs, if anybody. No answer waits, nor shows how long."""
    settings, secret = app[SETTINGS], ids.secret()
    account = await app[DATABASE].write(_offer, email, secret)
    if account is None:
        return
    _ = translations(account.locale).gettext
    link = f"{settings.web_origin}{paths.RESET_NEW}?token={secret}"
    subject = _(N_("A new password for %(title)s")) % {"title": settings.title}
    text = _(
        N_(
            "Somebody, probably you, asked for a new password.\n\n%(link)s\n\n"
            "The link is good for an hour and for one time. If it was not you, do nothing."
        )
    ) % {"link": link}
    await smtp.send(settings, app[OUTSIDE].clock, account.email, subject, text)


async def new_password(request: web.Request) -> web.Response:
    token = request.query.get("token", "")[:200]
    await _ensure_good(request, token)
    return await second_factor.show(request, "new_password", NewPasswordView(token))


async def _ensure_good(request: web.Request, token: str) -> None:
    if await request.app[DATABASE].read(sessions.reset_of, token) is None:
        raise Refused(410, _USED)


async def set_password(request: web.Request) -> web.Response:
    """POST /reset/new: everything that was logged in is logged out (SECURITY 68)."""
    form = await form_of(request)
    token, password = form.text("token", 200) or "", form.text("password", 2000) or ""
    await _ensure_good(request, token)
    error = passwords.validate(password)
    if error is not None:
        said = error.sentence_in(translations(site.locale_of(request)).gettext)
        view = NewPasswordView(token, FormView("new-password", {}, {"password": said}))
        return await second_factor.show(request, "new_password", view, 422)
    hashed = await passwords.hash_password(password, auth.network_of_request(request))
    account = await request.app[DATABASE].write(_set, token, hashed)
    response = web.Response(status=303, headers={"Location": paths.LOGIN})
    await know(request, response, account)  # else what strangers guess keeps them out all the same
    return response


def _set(writer: Writer, token: str, hashed: str) -> ActorId:
    account = sessions.reset_of(writer, token)
    if account is None:
        raise Refused(410, _USED)
    accounts.set_password(writer, account, hashed)
    account_creation.end_ways_in(writer, account)
    return account


ROUTES: list[Route] = [
    page(paths.SIGNUP, signup),
    form_route(paths.SIGNUP, join, Access.VISITOR, "signup"),
    page(paths.LOGIN, login),
    form_route(paths.LOGIN, enter, Access.VISITOR, "login", guessed=True),
    form_route(paths.LOGOUT, logout),
    page(paths.RESET, reset),
    form_route(paths.RESET, ask_reset, Access.VISITOR, "reset", guessed=True),
    page(paths.RESET_NEW, new_password),
    form_route(paths.RESET_NEW, set_password, Access.VISITOR),
]
