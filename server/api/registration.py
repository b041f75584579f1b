"""`POST /api/v1/accounts`: signing up from a client."""

from typing import Any

from aiohttp import web

from server import grants
from server.errors import Refused
from server.forms import Form, form_of
from server.keys import DATABASE, SETTINGS
from server.policies import Route, Who, caller, post
from server.replies import answer
from server.signup import NotYet, Wish, sign_up
from server.translations import choose_locale, translations

# The client API's names of what a page calls otherwise.
_NAMES = {"invite_code": "invite_request"}


async def create(request: web.Request) -> web.Response:
    """Make the account and answer with its token, which works once a steward has said yes."""
    form, settings, token = await form_of(request), request.app[SETTINGS], caller(request).token
    if settings.registrations == "closed":
        raise Refused(403, "This server takes in nobody new at the moment.")
    wish = _wish(form, settings.registrations, settings.default_locale)
    try:
        actor = await sign_up(request.app[DATABASE], wish)
    except NotYet as error:
        raise _refused(error, wish.locale) from error
    if token is None:
        raise Refused(401, "The access token is invalid")
    database = request.app[DATABASE]
    issued = await database.write(grants.issue, token.app, actor.id, token.scopes)
    return answer(issued.answer())


def _wish(form: Form, mode: str, usual: str) -> Wish:
    return Wish(
        name=(form.text("username", 200) or "").strip().lower(),
        email=(form.text("email", 400) or "").strip(),
        password=form.text("password", 2000) or "",
        agreed=bool(form.flag("agreement")),
        reason=form.text("reason", 5000) or "",
        invitation=form.text("invite_code", 200) or "",
        mode=mode,
        locale=choose_locale(form.text("locale", 20), ["en", "de"]) or usual,
    )


def _refused(error: NotYet, locale: str) -> Refused:
    _ = translations(locale).gettext
    details: dict[str, Any] = {
        _NAMES.get(name, name): [{"error": one.code, "description": one.said(_)}]
        for name, one in error.mistakes.items()
    }
    sentences = " ".join(one.said(_) for one in error.mistakes.values())
    return Refused(422, f"Validation failed: {sentences}", body={"details": details})


ROUTES: list[Route] = [
    post("/api/v1/accounts", create, Who.APP, "write:accounts", limits=("api", "signup")),
]
