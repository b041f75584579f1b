"""What surrounds every page, from the settings, the request and the database."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from aiohttp import web

from federation.vocabulary.sanitize_html import from_text
from server.http import auth
from server.http.app_keys import DATABASE, OUTSIDE, SETTINGS
from server.http.auth import CALLER
from server.http.parsing import header
from server.i18n.translations import available, choose_locale, known
from server.pages import presenters
from server.pages.render import render
from server.pages.views import Charter, Commitment, Frame, Person, Site, Steward
from server.settings.settings import Settings
from storage.access import accounts
from storage.communities import charters
from storage.communities.charters import Charter as Agreed
from storage.engine.transaction import Reader
from storage.people import actors
from storage.people.actors import Actor
from storage.posts.visibility import Anonymous, Member, Viewer

VARY = "Accept, Accept-Language, Cookie"
PRIVATE = "private, no-store"
SHARED = "public, max-age=60"


@dataclass(frozen=True, slots=True)
class Asked:
    """What of a request decides how a page looks: carried into the unit that reads for it."""

    settings: Settings
    locale: str
    now: datetime
    me: Actor | None = None
    csrf: str = ""
    here: str = ""
    done: str | None = None
    shared: bool = False

    @property
    def viewer(self) -> Viewer:
        return Member(self.me.id) if self.me else Anonymous()


def locale_of(request: web.Request) -> str:
    """The reader's language among those that we have; the instance's own where they name none."""
    usual = known(request.app[SETTINGS].default_locale)
    others = [name for name in available() if name != usual]
    return choose_locale(header(request, "Accept-Language"), [usual, *others])


def asked(
    request: web.Request,
    me: Actor | None = None,
    *,
    form: bool = False,
    here: str = "",
    done: str | None = None,
) -> Asked:
    """`form`: the page has a form of ours, so it carries the token that the form sends back."""
    return Asked(
        settings=request.app[SETTINGS],
        locale=locale_of(request),
        now=request.app[OUTSIDE].clock(),
        me=me,
        csrf=auth.csrf_token(request) if form else "",
        here=here,
        done=done,
        shared=not form and me is None and "Cookie" not in request.headers,
    )


def me_of(request: web.Request) -> Actor | None:
    """The member whose browser asks, as the guard found out."""
    return request[CALLER].actor if CALLER in request else None


# ---- units ----


def frame(reader: Reader, asked: Asked) -> Frame:
    """Everything around a page, in the unit that reads what is on it."""
    return _framed(asked, site(reader, asked.settings), _viewer(reader, asked.me))


def _viewer(reader: Reader, me: Actor | None) -> Person | None:
    return presenters.person(reader.here, me) if me else None


def _framed(asked: Asked, place: Site, viewer: Person | None) -> Frame:
    return Frame(
        site=place,
        now=asked.now,
        csrf=asked.csrf,
        viewer=viewer,
        here=asked.here,
        done=asked.done,
        shared=asked.shared,
    )


def site(reader: Reader, settings: Settings) -> Site:
    """The place with its charter and those who look after it."""
    agreed = charters.current(reader, actors.community(reader).id)
    return replace(
        bare_site(settings),
        charter=_charter(agreed, settings) if agreed else Charter(version=0),
        stewards=_stewards(reader),
    )


def bare_site(settings: Settings) -> Site:
    """The place as far as it is known without the database."""
    return Site(
        title=settings.title,
        summary=settings.summary,
        domain=settings.domain,
        zone=settings.zone,
        charter=Charter(version=0),
        contact=settings.contact_email or None,
        cloth=presenters.CLOTH,
        registrations=settings.registrations,
    )


def bare_frame(asked: Asked) -> Frame:
    """For the page that says that the database cannot be asked."""
    return _framed(asked, bare_site(asked.settings), None)


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
class Sheet:
    """A page that is ready to be rendered: the template's name, and what it takes."""

    template: str
    frame: Frame
    view: object
    status: int = 200


def answer(request: web.Request, asked: Asked, sheet: Sheet) -> web.Response:
    """The page as HTML; caches keep what anybody gets who sends no cookie, and nothing else."""
    response = web.Response(
        text=render(sheet.template, locale=asked.locale, frame=sheet.frame, view=sheet.view),
        status=sheet.status,
        content_type="text/html",
        charset="utf-8",
    )
    kept = asked.shared and sheet.status == 200
    response.headers["Cache-Control"] = SHARED if kept else PRIVATE
    response.headers["Content-Language"] = asked.locale
    response.headers["Vary"] = VARY
    auth.keep_visitor(request, response)
    return response


async def framed(request: web.Request, asked: Asked) -> Frame:
    """The frame alone, for pages that show nothing else from the database."""
    return await request.app[DATABASE].read(frame, asked)


View = Callable[[Reader, Asked], object]
"""A unit that reads what a page shows."""


async def read(request: web.Request, asked: Asked, view: View) -> tuple[object, Frame]:
    """What a unit makes of the database, and the frame around it, in one hop."""
    return await request.app[DATABASE].read(_both, asked, view)


def _both(reader: Reader, asked: Asked, view: View) -> tuple[object, Frame]:
    return view(reader, asked), frame(reader, asked)


async def show(request: web.Request, asked: Asked, template: str, view: View) -> web.Response:
    """A page whose view a unit makes."""
    made, around = await read(request, asked, view)
    return answer(request, asked, Sheet(template, around, made))
