"""`POST /api/v1/accounts`: signing up from a client."""

from dataclasses import replace

from aiohttp import web

from server.access import oauth_grants, scopes
from server.access.signup import NotYet, SignupParams, sign_up
from server.http.app_keys import DATABASE, SETTINGS
from server.http.auth import address_of, network_of_request
from server.http.errors import Refused
from server.http.forms import Form, form_of
from server.http.guard import Access, Route, as_typed, count, current_user, post
from server.http.ip_blocks import ensure_sign_up
from server.http.rate_limits import address_key
from server.http.responses import answer
from server.i18n.translations import available, choose_locale, find_locale, translations
from storage.access.signup_blocks import canonical_hash


async def create(request: web.Request) -> web.Response:
    """Make the account and answer with its token, which works once its owner is in."""
    form, settings, token = (
        await form_of(request),
        request.app[SETTINGS],
        current_user(request).token,
    )
    if token is None or token.account is not None:
        raise Refused(403, "This action is not allowed")
    watched = await ensure_sign_up(request, settings.registrations)
    params = _parse(form, settings.registrations, settings.default_locale)
    params = replace(params, watched=watched, confirms=bool(settings.smtp_host))
    # By address and by e-mail: an app has as many tokens of its own as it likes (SECURITY 72).
    count(
        request,
        "signup",
        f"ip {address_key(address_of(request))}",
        as_typed(canonical_hash(params.email)),
    )
    params = replace(params, source=network_of_request(request))
    try:
        actor = await sign_up(request.app[DATABASE], params)
    except NotYet as error:
        raise _refusal(error, params.locale) from error
    granted = " ".join(scopes.without_admins(token.scopes.split()))
    issued = await request.app[DATABASE].write(oauth_grants.issue, token.app, actor.id, granted)
    return answer(issued.answer())


def _parse(form: Form, mode: str, usual: str) -> SignupParams:
    return SignupParams(
        name=(form.text("username", 200) or "").strip().lower(),
        email=(form.text("email", 400) or "").strip(),
        password=form.text("password", 2000) or "",
        agreed=bool(form.flag("agreement")),
        reason=form.text("reason", 5000) or "",
        invitation=form.text("invite_code", 200) or "",
        mode=mode,
        locale=choose_locale(form.text("locale", 20), [find_locale(usual), *available()]),
    )


def _refusal(error: NotYet, locale: str) -> Refused:
    _ = translations(locale).gettext
    details: dict[str, list[dict[str, str]]] = {
        name: [{"error": one.code, "description": one.sentence_in(_)}]
        for name, one in error.form_errors.items()
    }
    sentences = " ".join(one.sentence_in(_) for one in error.form_errors.values())
    return Refused(422, f"Validation failed: {sentences}", body={"details": details})


ROUTES: list[Route] = [
    post("/api/v1/accounts", create, Access.APP, "write:accounts", limits=("api", "signup")),
]
