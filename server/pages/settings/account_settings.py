"""The settings page: password, where one is logged in, which apps were let in."""

from dataclasses import dataclass

from aiohttp import web

from server.access import account_creation, passwords, signup
from server.http import auth, reauthentication
from server.http.app_keys import DATABASE, OUTSIDE, SETTINGS
from server.http.forms import form_of
from server.http.guard import Access, Route, count, current_user, form_route, page
from server.i18n.form_errors import FormError
from server.i18n.translations import N_, translations
from server.mail import smtp
from server.pages import paths, site
from server.pages.access import guess_limits
from server.pages.settings import profile_forms, settings_page
from server.pages.settings.settings_page import Forms
from server.pages.views import FormView
from storage.access import accounts, oauth, sessions
from storage.access.accounts import Account
from storage.engine.ids import ActorId
from storage.engine.transaction import Writer

_DONE = {
    "password": N_("Done. The new password is in force, and everything else is logged out."),
    "email": N_("Done. The new address is in force, and everything else is logged out."),
    "letter": N_("A letter is on its way there. The address is yours once you open its link."),
    "session": N_("Done. It is logged out."),
    "app": N_("Done. The app can do nothing here any more."),
}
_WRONG = N_("That is not your password.")


@dataclass(frozen=True, slots=True)
class _Change:
    """Another address; `session` stays, `confirms` as in signup."""

    account: ActorId
    email: str
    session: int
    confirms: bool


async def show(request: web.Request) -> web.Response:
    """GET /settings."""
    name, locale = request.query.get("done"), site.locale_of(request)
    own = _DONE.get(name or "")
    said = translations(locale).gettext(own) if own else profile_forms.done_sentence(name, locale)
    return await settings_page.show(request, done=said)


def _redirect(name: str, place: str) -> web.Response:
    address = f"{paths.SETTINGS}?done={name}#{place}"
    return web.Response(status=303, headers={"Location": address})


async def password(request: web.Request) -> web.Response:
    """POST /settings/password: ends every other session and every token (SECURITY 68)."""
    form, who = await form_of(request), current_user(request)
    _ = translations(site.locale_of(request)).gettext
    errors: dict[str, str] = {}
    current, new = form.text("current_password", 2000) or "", form.text("new_password", 2000) or ""
    account, source = who.own_account, f"member {who.me.id}"
    if not await passwords.fits(current, account.password, source):
        errors["current_password"] = _(_WRONG)
    error = passwords.validate(new)
    if error is not None:
        errors["new_password"] = error.sentence_in(_)
    if errors:
        return await settings_page.show(request, Forms(password=FormView("password", {}, errors)))
    hashed = await passwords.hash_password(new, source)
    session = who.session.id if who.session else 0
    await request.app[DATABASE].write(_change, account.actor, hashed, session)
    return await _keep_browser_known(request, _redirect("password", "password"))


async def _keep_browser_known(request: web.Request, response: web.Response) -> web.Response:
    """Keep this one browser known: what strangers guess does not keep its owner out."""
    await guess_limits.know(request, response, current_user(request).me.id)
    return response


def _change(writer: Writer, account: ActorId, hashed: str, session: int) -> None:
    accounts.set_password(writer, account, hashed)
    account_creation.end_ways_in(writer, account, session)
    sessions.prove(writer, session)


async def email(request: web.Request) -> web.Response:
    """POST /settings/email: ends everything else, as a new password does (SECURITY 68).

    Where we send emails, the address counts once the link in one is opened; the address until now
    once more takes that back.
    """
    form, who = await form_of(request), current_user(request)
    new, account = (form.text("email", 400) or "").strip(), who.own_account
    if new == account.email:
        await request.app[DATABASE].write(sessions.forget_links, account.actor)
        return web.Response(status=303, headers={"Location": f"{paths.SETTINGS}#email"})
    reauthentication.ensure_fresh(request, f"{paths.SETTINGS}#email")
    count(request, "reset", f"email {account.actor}")
    change = _Change(
        account.actor,
        new,
        session=who.session.id if who.session else 0,
        confirms=bool(request.app[SETTINGS].smtp_host),
    )
    form_error = await request.app[DATABASE].write(_change_email, change)
    if form_error is not None:
        said = form_error.sentence_in(translations(site.locale_of(request)).gettext)
        shown = FormView("email", {"email": new}, {"email": said})
        return await settings_page.show(request, Forms(email=shown))
    if change.confirms:
        smtp.in_background(_email_of_request(request.app, account, who.me.name))
        return _redirect("letter", "email")
    smtp.in_background(tell_of_new_address(request.app, account, who.me.name))
    return await _keep_browser_known(request, _redirect("email", "email"))


def _change_email(writer: Writer, change: _Change) -> FormError | None:
    form_error = signup.change_email(writer, change.account, change.email, confirms=change.confirms)
    if form_error is None and not change.confirms:
        account_creation.end_ways_in(writer, change.account, change.session)
    return form_error


_CHANGED = N_("Your address at %(title)s was changed")
_NOW = N_(
    "Hello %(name)s,\n\n"
    "from now on we write to another address, and no more to this one. Everything else"
    " that was logged in is logged out.\n\n"
    "If it was not you, somebody else is in your account: tell a steward of %(domain)s."
)
_WANTED = N_("Another address is wanted for your account at %(title)s")
_SOON = N_(
    "Hello %(name)s,\n\n"
    "somebody who is logged in as you wants us to write to another address. A letter went there;"
    " once its link is opened, we write there and no more to this one.\n\n"
    "If it was not you, log out everywhere and choose a new password: then that link is void."
    "\n\n%(link)s"
)


async def tell_of_new_address(app: web.Application, account: Account, name: str) -> None:
    """Tell the address that had the emails until now: whoever did this should not go unnoticed."""
    await _tell(app, account, name, (_CHANGED, _NOW))


async def _email_of_request(app: web.Application, account: Account, name: str) -> None:
    await _tell(app, account, name, (_WANTED, _SOON))


async def _tell(app: web.Application, account: Account, name: str, words: tuple[str, str]) -> None:
    """`words`: subject and text."""
    settings = app[SETTINGS]
    _ = translations(account.locale).gettext
    values = {
        "name": name,
        "title": settings.title,
        "domain": settings.domain,
        "link": f"{settings.web_origin}{paths.SETTINGS}#password",
    }
    subject, text = (_(one) % values for one in words)
    await smtp.send(settings, app[OUTSIDE].clock, account.email, subject, text)


async def end_session(request: web.Request) -> web.Response:
    """POST /settings/sessions: one of them, all others, or everything with the apps as well."""
    form, who = await form_of(request), current_user(request)
    account, own = who.own_account.actor, who.session.id if who.session else 0
    if form.text("session", 30) == "all":
        return await _end_everything(request, account)
    if form.text("session", 30) == "others":
        await request.app[DATABASE].write(sessions.end_all, account, own)
    else:
        await request.app[DATABASE].write(sessions.end, form.number("session") or 0, account)
    return _redirect("session", "sessions")


async def _end_everything(request: web.Request, account: ActorId) -> web.Response:
    await request.app[DATABASE].write(account_creation.end_ways_in, account)
    response = web.Response(status=303, headers={"Location": paths.LOGIN})
    auth.drop_cookie(request, response)
    return await _keep_browser_known(request, response)


async def take_back(request: web.Request) -> web.Response:
    """POST /settings/apps: one app's token."""
    form, account = await form_of(request), current_user(request).own_account.actor
    await request.app[DATABASE].write(oauth.revoke, form.number("app") or 0, account)
    return _redirect("app", "apps")


ROUTES: list[Route] = [
    page(paths.SETTINGS, show, Access.LOGGED_IN),
    form_route(paths.SETTINGS_PASSWORD, password, limit="login"),
    form_route(paths.SETTINGS_EMAIL, email, limit="login"),
    form_route(paths.SETTINGS_SESSIONS, end_session),
    form_route(paths.SETTINGS_APPS, take_back),
]
