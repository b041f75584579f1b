"""`/api/v1/apps`: how a client introduces itself."""

from aiohttp import web

from federation.vocabulary.sanitize_html import line, safe_url
from server.access import oauth_grants, scopes
from server.entities import shapes
from server.http.app_keys import DATABASE
from server.http.errors import unprocessable
from server.http.forms import Form, form_of
from server.http.guard import Access, Route, current_user, get, post
from server.http.responses import answer
from storage.access import oauth
from storage.access.oauth import App
from storage.engine import ids
from storage.engine.transaction import Writer

LONGEST_NAME = 200


async def create(request: web.Request) -> web.Response:
    """Register an app; its secret is shown once."""
    form = await form_of(request)
    name = line(form.required_text("client_name", 2000), LONGEST_NAME)
    if not any(letter.isprintable() and not letter.isspace() for letter in name):
        raise unprocessable("Validation failed: Application name can't be blank")
    redirects, wanted = _redirects(form), scopes.split(form.text("scopes", 4096))
    unknown = [scope for scope in wanted if scope not in scopes.KNOWN]
    if unknown:
        raise unprocessable(f"Validation failed: Scopes doesn't match configured: {unknown[0]}")
    client_id, secret = ids.secret(), ids.secret()
    website = safe_url(form.text("website", 2048))
    made = await request.app[DATABASE].write(
        _add, (client_id, secret), (name, website), redirects, " ".join(wanted)
    )
    lasts_for_ever = {"client_secret_expires_at": 0}
    shown_once = {"client_id": client_id, "client_secret": secret}
    return answer({**_render(made), **lasts_for_ever, **shown_once})


def _add(
    writer: Writer,
    credentials: tuple[str, str],
    about: tuple[str, str | None],
    redirects: tuple[str, ...],
    wanted: str,
) -> App:
    client_id, secret = credentials
    app = App(writer.new_id(), client_id, oauth.hash_secret(secret), *about, redirects, wanted)
    oauth.add(writer, app)
    return app


def _redirects(form: Form) -> tuple[str, ...]:
    listed = form.texts("redirect_uris", oauth_grants.MOST_URIS)
    found = oauth_grants.redirects_of(listed[0] if len(listed) == 1 else listed)
    if not found:
        raise unprocessable("Validation failed: Redirect URI can't be blank")
    for uri in found:
        error = oauth_grants.validate_redirect(uri)
        if error:
            raise unprocessable(f"Validation failed: Redirect URI: {error}")
    return tuple(dict.fromkeys(found[: oauth_grants.MOST_URIS]))


def _render(app: App) -> shapes.Application:
    return {
        "id": str(app.id),
        "name": app.name,
        "website": app.website,
        "scopes": app.scopes.split(),
        "redirect_uri": "\n".join(app.redirect_uris),
        "redirect_uris": list(app.redirect_uris),
        "vapid_key": "",
    }


async def verify_credentials(request: web.Request) -> web.Response:
    token = current_user(request).token
    app = await request.app[DATABASE].read(oauth.by_id, token.app if token else 0)
    if app is None:
        raise unprocessable("This token belongs to no app any more.")
    return answer(_render(app))


ROUTES: list[Route] = [
    post("/api/v1/apps", create, Access.ANYBODY, limits=("app",)),
    get("/api/v1/apps/verify_credentials", verify_credentials, Access.APP),
]
