"""Coming from elsewhere, going on elsewhere, going for good."""

from dataclasses import dataclass

from aiohttp import web

from server.access import passwords
from server.actions.lifecycle import account_deletion, account_moves
from server.actions.lifecycle.account_deletion import CannotLeave
from server.actions.lifecycle.account_moves import CannotMove
from server.http.app_keys import DATABASE
from server.http.auth import CurrentUser
from server.http.forms import Form, form_of
from server.http.guard import Access, Route, current_user, form_route, page
from server.i18n.translations import N_, translations
from server.pages import paths, presenters, site
from server.pages.site import PageRequest, PageResponse
from server.pages.views import FormView, Person
from server.services import SERVICES
from storage.engine.transaction import Reader
from storage.people import actors

_DONE = {
    "alias": N_("Saved. That account can move here now, if it is yours."),
    "unalias": N_("Done. It is not named as yours any more."),
    "move": N_("Done. Your page leads there now, and your followers are told."),
    "back": N_("Done. Your page leads nowhere else any more."),
}
_WRONG = N_("That is not your password.")
_NAME = N_("Please type “%(name)s”, so that we know that you mean it.")


@dataclass(frozen=True, slots=True)
class AliasView:
    """Another account of the same person, by handle where we know it."""

    uri: str
    called: str


@dataclass(frozen=True, slots=True)
class MoveAndDeleteView:
    """The page: other accounts, where this one has gone, and the forms."""

    aliases: tuple[AliasView, ...]
    gone_to: Person | None
    alias: FormView
    move: FormView
    leave: FormView

    @property
    def form_errors(self) -> int:
        return sum(len(form.errors) for form in (self.alias, self.move, self.leave))


async def show(request: web.Request) -> web.Response:
    """GET /settings/leaving."""
    return await _page(request)


async def _page(request: web.Request, again: FormView | None = None) -> web.Response:
    _ = translations(site.locale_of(request)).gettext
    said = _DONE.get(request.query.get("done", ""))
    page_request = site.page_request(
        request,
        current_user(request).me,
        form=True,
        current_page="settings",
        done=_(said) if said and again is None else None,
    )
    view, frame = await site.read(
        request, page_request, lambda reader, page_request: _view(reader, page_request, again)
    )
    return site.answer(
        request, page_request, PageResponse("move_and_delete", frame, view, 422 if again else 200)
    )


def _view(reader: Reader, page_request: PageRequest, again: FormView | None) -> MoveAndDeleteView:
    me = actors.by_id(reader, page_request.user)
    if me is None:
        raise LookupError(page_request.me)
    forms = {name: FormView(name) for name in ("alias", "move", "leave")}
    if again is not None:
        forms[again.name] = again
    new = actors.by_uri(reader, me.moved_to) if me.moved_to else None
    return MoveAndDeleteView(
        aliases=tuple(_alias(reader, uri) for uri in me.also_known_as),
        gone_to=presenters.person(reader.site, new) if new else None,
        **forms,
    )


def _alias(reader: Reader, uri: str) -> AliasView:
    known = actors.by_uri(reader, uri)
    handle = f"@{known.name}@{known.domain or reader.site.domain}" if known else uri
    return AliasView(uri, handle)


async def add_alias(request: web.Request) -> web.Response:
    """POST /settings/leaving/alias: another account is mine too."""
    form = await form_of(request)
    written = (form.text("handle", 300) or "").strip()
    try:
        await account_moves.add_alias(request.app[SERVICES], current_user(request).me.id, written)
    except CannotMove as error:
        return await _page(request, _again(request, "alias", "handle", written, error))
    return _redirect("alias")


async def remove_alias(request: web.Request) -> web.Response:
    """POST /settings/leaving/unalias."""
    form = await form_of(request)
    await account_moves.remove_alias(
        request.app[SERVICES], current_user(request).me.id, form.text("uri", 2000) or ""
    )
    return _redirect("unalias")


async def move(request: web.Request) -> web.Response:
    """POST /settings/leaving/move: needs the password."""
    form, who = await form_of(request), current_user(request)
    _ = translations(site.locale_of(request)).gettext
    written = (form.text("handle", 300) or "").strip()
    if not await _knows_password(form, who):
        errors = {"password": _(_WRONG)}
        return await _page(request, FormView("move", {"handle": written}, errors))
    try:
        await account_moves.move(request.app[SERVICES], who.me.id, written)
    except CannotMove as error:
        return await _page(request, _again(request, "move", "handle", written, error))
    return _redirect("move")


async def _knows_password(form: Form, who: CurrentUser) -> bool:
    typed = form.text("password", 2000) or ""
    return await passwords.fits(typed, who.own_account.password, f"member {who.me.id}")


async def come_back(request: web.Request) -> web.Response:
    """POST /settings/leaving/back."""
    await account_moves.come_back(request.app[SERVICES], current_user(request).me.id)
    return _redirect("back")


async def leave(request: web.Request) -> web.Response:
    """POST /settings/leaving/delete: needs the password and the name, typed."""
    form, who = await form_of(request), current_user(request)
    _ = translations(site.locale_of(request)).gettext
    errors: dict[str, str] = {}
    if (form.text("name", 300) or "").strip().removeprefix("@").lower() != who.me.name.lower():
        errors["name"] = _(_NAME) % {"name": who.me.name}
    if not await _knows_password(form, who):
        errors["password"] = _(_WRONG)
    if errors:
        return await _page(request, FormView("leave", {}, errors))
    try:
        await request.app[DATABASE].write(account_deletion.leave, who.me)
    except CannotLeave as error:
        said = error.form_error.sentence_in(_)
        return await _page(request, FormView("leave", {}, {"name": said}))
    page_request = site.page_request(request)
    frame = await site.frame_alone(request, page_request)
    return site.answer(request, page_request, PageResponse("gone_for_good", frame, None))


def _again(
    request: web.Request, name: str, field: str, written: str, error: CannotMove
) -> FormView:
    _ = translations(site.locale_of(request)).gettext
    return FormView(name, {field: written}, {field: error.form_error.sentence_in(_)})


def _redirect(name: str) -> web.Response:
    return web.Response(status=303, headers={"Location": f"{paths.SETTINGS_LEAVING}?done={name}"})


ROUTES: list[Route] = [
    page(paths.SETTINGS_LEAVING, show, Access.LOGGED_IN),
    form_route(f"{paths.SETTINGS_LEAVING}/alias", add_alias, limit="search"),
    form_route(f"{paths.SETTINGS_LEAVING}/unalias", remove_alias),
    form_route(f"{paths.SETTINGS_LEAVING}/move", move, limit="login"),
    form_route(f"{paths.SETTINGS_LEAVING}/back", come_back),
    form_route(f"{paths.SETTINGS_LEAVING}/delete", leave, limit="login"),
]
