"""Frame of every page, from the settings, the request and the database."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from aiohttp import web

from federation.vocabulary.sanitize_html import from_text
from server.http import auth
from server.http.app_keys import DATABASE, OUTSIDE, SETTINGS
from server.http.auth import CURRENT_USER
from server.http.parsing import header
from server.i18n.translations import available, choose_locale, find_locale
from server.pages import presenters
from server.pages.render import render
from server.pages.views import Charter, Commitment, Frame, Person, SiteView, Steward
from server.settings.settings import Settings
from storage.access import accounts
from storage.communities import charters
from storage.communities.charters import Charter as Agreed
from storage.engine.ids import NOBODY, ActorId
from storage.engine.transaction import Reader
from storage.people import actors
from storage.people.actors import Actor
from storage.posts.visibility import Anonymous, Member, Viewer

VARY = "Accept, Accept-Language, Cookie"
PRIVATE = "private, no-store"
SHARED = "public, max-age=60"


@dataclass(frozen=True, slots=True)
class PageRequest:
    """Parts of a request that decide how a page looks: carried into the unit that reads for it."""

    settings: Settings
    locale: str
    now: datetime
    me: Actor | None = None
    csrf: str = ""
    current_page: str = ""
    done: str | None = None
    shared: bool = False

    @property
    def viewer(self) -> Viewer:
        return Member(self.me.id) if self.me else Anonymous()

    @property
    def user(self) -> ActorId:
        """Number of the member who looks; of a visitor, NOBODY."""
        return self.me.id if self.me else NOBODY


def locale_of(request: web.Request) -> str:
    """The reader's language among those that we have; the instance's own where they name none."""
    usual = find_locale(request.app[SETTINGS].default_locale)
    others = [name for name in available() if name != usual]
    return choose_locale(header(request, "Accept-Language"), [usual, *others])


def page_request(
    request: web.Request,
    me: Actor | None = None,
    *,
    form: bool = False,
    current_page: str = "",
    done: str | None = None,
) -> PageRequest:
    """`form`: the page has a form of ours, so it carries the token that the form sends back."""
    return PageRequest(
        settings=request.app[SETTINGS],
        locale=locale_of(request),
        now=request.app[OUTSIDE].clock(),
        me=me,
        csrf=auth.csrf_token(request) if form else "",
        current_page=current_page,
        done=done,
        shared=not form and me is None and "Cookie" not in request.headers,
    )


def me_of(request: web.Request) -> Actor | None:
    """The member whose browser asks, as the guard found out."""
    return request[CURRENT_USER].actor if CURRENT_USER in request else None


# ---- units ----


def frame(reader: Reader, page_request: PageRequest) -> Frame:
    """Read everything around a page, in the unit that reads what is on it."""
    return _make_frame(
        page_request, read_site(reader, page_request.settings), _viewer(reader, page_request.me)
    )


def _viewer(reader: Reader, me: Actor | None) -> Person | None:
    return presenters.person(reader.site, me) if me else None


def _make_frame(page_request: PageRequest, place: SiteView, viewer: Person | None) -> Frame:
    return Frame(
        site=place,
        now=page_request.now,
        csrf=page_request.csrf,
        viewer=viewer,
        current_page=page_request.current_page,
        done=page_request.done,
        shared=page_request.shared,
    )


def read_site(reader: Reader, settings: Settings) -> SiteView:
    """The place with its charter and those who look after it."""
    agreed = charters.current(reader, actors.community(reader).id)
    return replace(
        bare_site(settings),
        charter=_charter(agreed, settings) if agreed else Charter(version=0),
        stewards=_stewards(reader),
    )


def bare_site(settings: Settings) -> SiteView:
    """The place as far as it is known without the database."""
    return SiteView(
        title=settings.title,
        summary=settings.summary,
        domain=settings.domain,
        zone=settings.zone,
        charter=Charter(version=0),
        contact=settings.contact_email or None,
        cloth=presenters.CLOTH,
        registrations=settings.registrations,
    )


def bare_frame(page_request: PageRequest) -> Frame:
    """Frame of the page which says that the database cannot be asked."""
    return _make_frame(page_request, bare_site(page_request.settings), None)


def _charter(agreed: Agreed, settings: Settings) -> Charter:
    return Charter(
        version=agreed.version,
        agreed=agreed.in_force_at.astimezone(settings.zone).date(),
        purpose=from_text(agreed.purpose) if agreed.purpose else None,
        commitments=tuple(Commitment(one.text, one.hint) for one in agreed.commitments),
        question=agreed.question or "",
    )


def _stewards(reader: Reader) -> tuple[Steward, ...]:
    wanted = accounts.stewards(reader)
    known_people = presenters.people(reader, wanted)
    return tuple(Steward(known_people[id_]) for id_ in wanted if id_ in known_people)


# ---- answers ----


@dataclass(frozen=True, slots=True)
class PageResponse:
    """A page that is ready to be rendered: the template's name, and what it takes."""

    template: str
    frame: Frame
    view: object
    status: int = 200


def answer(
    request: web.Request, page_request: PageRequest, page_response: PageResponse
) -> web.Response:
    """The page as HTML; caches keep what anybody gets who sends no cookie, and nothing else."""
    response = web.Response(
        text=render(
            page_response.template,
            locale=page_request.locale,
            frame=page_response.frame,
            view=page_response.view,
        ),
        status=page_response.status,
        content_type="text/html",
        charset="utf-8",
    )
    kept = page_request.shared and page_response.status == 200
    response.headers["Cache-Control"] = SHARED if kept else PRIVATE
    response.headers["Content-Language"] = page_request.locale
    response.headers["Vary"] = VARY
    auth.keep_visitor(request, response)
    return response


async def frame_alone(request: web.Request, page_request: PageRequest) -> Frame:
    """The frame alone, for pages that show nothing else from the database."""
    return await request.app[DATABASE].read(frame, page_request)


View = Callable[[Reader, PageRequest], object]
"""A unit that reads what a page shows."""


async def read(request: web.Request, page_request: PageRequest, view: View) -> tuple[object, Frame]:
    """Read a view of the database, and the frame around it, in one hop."""
    return await request.app[DATABASE].read(_both, page_request, view)


def _both(reader: Reader, page_request: PageRequest, view: View) -> tuple[object, Frame]:
    return view(reader, page_request), frame(reader, page_request)


async def show(
    request: web.Request, page_request: PageRequest, template: str, view: View
) -> web.Response:
    """A page whose view a unit makes."""
    made, around = await read(request, page_request, view)
    return answer(request, page_request, PageResponse(template, around, made))
