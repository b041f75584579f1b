"""The settings page, whole: whoever handles one of its forms shows it again from here."""

from dataclasses import dataclass

from aiohttp import web

from server.actions.people.profiles import MOST_FIELDS
from server.http.guard import current_user
from server.pages import scopes, site
from server.pages.access.devices import device
from server.pages.settings import choices, profile_forms
from server.pages.site import PageRequest, PageResponse
from server.pages.views import AppView, FormView, SessionView, SettingsView
from storage.access import accounts, confirmations, oauth, sessions
from storage.access.accounts import Account
from storage.access.oauth import Token
from storage.access.sessions import Session
from storage.engine.transaction import Reader
from storage.people import actors
from storage.people.actors import Actor


@dataclass(frozen=True, slots=True)
class Forms:
    """Forms that are shown as they were sent; None shows what is kept."""

    profile: FormView | None = None
    preferences: FormView | None = None
    password: FormView | None = None
    email: FormView | None = None


async def show(
    request: web.Request, forms: Forms | None = None, *, done: str | None = None
) -> web.Response:
    """The page for the member who asks: 200, or 422 when a form is shown again.

    `done` is the sentence about what has just been done.
    """
    who, forms = current_user(request), forms or Forms()
    session = who.session.id if who.session else 0
    page_request = site.page_request(request, who.me, form=True, current_page="settings", done=done)

    def unit(reader: Reader, page_request: PageRequest) -> SettingsView:
        return _view(reader, page_request, forms, session)

    view, frame = await site.read(request, page_request, unit)
    status = 200 if forms == Forms() else 422
    return site.answer(request, page_request, PageResponse("settings", frame, view, status))


def _view(reader: Reader, page_request: PageRequest, forms: Forms, session: int) -> SettingsView:
    actor, account = _current(reader, page_request)
    place, locale = page_request.settings.title, page_request.locale
    waiting = confirmations.of_account(reader, actor.id)
    return SettingsView(
        profile=forms.profile or profile_forms.profile(actor),
        preferences=forms.preferences or profile_forms.preferences(account, locale),
        password=forms.password or FormView("password"),
        email=forms.email or FormView("email"),
        address=account.email,
        audiences=choices.audiences(place, locale),
        languages=choices.languages(locale),
        sessions=_sessions(reader, actor, session, locale),
        apps=tuple(_app(token, locale) for token in oauth.tokens_of(reader, actor.id)),
        field_slots=MOST_FIELDS,
        wanted=waiting.email if waiting else None,
        picture_megabytes=page_request.settings.media_max_bytes >> 20,
    )


def _current(reader: Reader, page_request: PageRequest) -> tuple[Actor, Account]:
    """Read the user's rows as they are now, which may be newer than what the guard found."""
    me = page_request.user
    actor, account = actors.by_id(reader, me), accounts.by_actor(reader, me)
    if actor is None or account is None:
        raise LookupError(me)
    return actor, account


def _sessions(reader: Reader, actor: Actor, current: int, locale: str) -> tuple[SessionView, ...]:
    """Sessions of a member, this one first."""
    found = sessions.of_account(reader, actor.id)
    ordered = sorted(found, key=lambda one: one.id != current)
    return tuple(_session(one, one.id == current, locale) for one in ordered)


def _session(session: Session, current: bool, locale: str) -> SessionView:
    return SessionView(
        id=str(session.id),
        device=device(session.agent, locale),
        since=session.created_at,
        last_used=session.last_used_at,
        current=current,
        network=session.address,
    )


def _app(token: Token, locale: str) -> AppView:
    """An app that was let in; its number is that of its token."""
    return AppView(
        id=str(token.id),
        name=token.app_name,
        may=scopes.may(token.scopes.split(), locale),
        let_in=token.created_at,
        last_used=token.last_used_at,
    )
