"""Invitations that members make, and who came by them."""

from dataclasses import dataclass
from datetime import timedelta

from aiohttp import web

from server.http.app_keys import DATABASE, SETTINGS
from server.http.errors import Refused
from server.http.forms import form_of
from server.http.guard import Access, Route, current_user, form_route, page
from server.i18n.translations import N_, translations
from server.pages import paths, presenters, site
from server.pages.site import PageRequest, PageResponse
from server.pages.views import Choice, FormView, Person
from storage.access import sessions
from storage.engine import ids
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer
from storage.moderation import account_listing
from storage.moderation.account_listing import Sought

DAYS = (1, 7, 30)
USES = (1, 5, 10)
MOST_OPEN = 20

_MANY = N_("You have many invitations open. Wait until one is used or has run out.")


@dataclass(frozen=True, slots=True)
class InvitingView:
    """The form, the link that was just made, and who came by earlier ones."""

    form: FormView
    days: tuple[Choice, ...]
    uses: tuple[Choice, ...]
    came: tuple[Person, ...]
    link: str | None = None


async def show(request: web.Request) -> web.Response:
    """GET /invite."""
    return await _page(request, FormView("invite", {"days": "7", "uses": "1"}))


async def _page(request: web.Request, form: FormView, link: str | None = None) -> web.Response:
    page_request = site.page_request(
        request, current_user(request).me, form=True, current_page="invite"
    )

    def unit(reader: Reader, page_request: PageRequest) -> InvitingView:
        me = page_request.user
        came = account_listing.page_of(reader, Sought(invited_by=me, status="shown"), Page(100))
        known = presenters.with_suspended(reader, came)
        return InvitingView(
            form=form,
            days=tuple(Choice(str(one), str(one)) for one in DAYS),
            uses=tuple(Choice(str(one), str(one)) for one in USES),
            came=tuple(known[id_] for id_ in came),
            link=link,
        )

    view, frame = await site.read(request, page_request, unit)
    return site.answer(
        request, page_request, PageResponse("invite", frame, view, 422 if form.said else 200)
    )


async def make(request: web.Request) -> web.Response:
    """POST /invite: the link is shown once; of whoever comes by it, it is kept who invited them."""
    form, me = await form_of(request), current_user(request).me
    days, uses = form.number("days"), form.number("uses")
    if days not in DAYS or uses not in USES:
        raise Refused(422, "Please choose one of the numbers that are offered.")
    secret = ids.secret(12)

    def unit(writer: Writer) -> bool:
        if sessions.open_invitations(writer, me.id) >= MOST_OPEN:
            return False
        sessions.invite(writer, secret, me.id, uses, timedelta(days=days))
        return True

    values = {"days": str(days), "uses": str(uses)}
    if not await request.app[DATABASE].write(unit):
        said = translations(site.locale_of(request)).gettext(_MANY)
        return await _page(request, FormView("invite", values, {}, said))
    link = f"{request.app[SETTINGS].web_origin}{paths.SIGNUP}?invite_code={secret}"
    return await _page(request, FormView("invite", values), link)


ROUTES: list[Route] = [
    page(paths.INVITE, show, Access.LOGGED_IN),
    form_route(paths.INVITE, make),
]
