"""The stewards' desk: who asked to join, what was told, and what was done by moderators."""

from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from server.access import signup
from server.http import reauthentication
from server.http.app_keys import DATABASE
from server.http.errors import Refused
from server.http.forms import form_of
from server.http.guard import Access, Route, current_user, form_route, page
from server.i18n.translations import N_, translations
from server.moderation import account_decisions
from server.moderation.account_decisions import Moderator
from server.pages import paths, presenters, site
from server.pages.site import PageRequest
from server.pages.views import Person
from server.refusals import CannotDecide
from storage.access.accounts import Account, address
from storage.engine.ids import NOBODY, ActorId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader
from storage.moderation import audit_log, reports
from storage.moderation.reports import Filed
from storage.people import actors
from storage.people.actors import Actor

MOST = 100

_DONE = {
    "welcome": N_("Done. They can log in now."),
    "no": N_("Done. They were turned away, and nothing of them is kept."),
    "decided": N_("Done. It is written down."),
}
CATEGORIES = {
    "spam": N_("It is spam."),
    "legal": N_("It may be against the law."),
    "violation": N_("It breaks what we agreed on."),
    "other": N_("Something else."),
}


@dataclass(frozen=True, slots=True)
class NewcomerView:
    """Person who asked to join; `invited_by` by handle."""

    id: str
    person: Person
    asked: datetime
    reason: str
    email: str
    invited_by: str | None = None


@dataclass(frozen=True, slots=True)
class ReportLine:
    """A report as the desk lists it."""

    id: str
    about: Person
    by: Person
    why: str
    told: datetime
    settled: bool = False


@dataclass(frozen=True, slots=True)
class DashboardView:
    """Desk of the stewards: everything that waits for somebody."""

    question: str
    newcomers: tuple[NewcomerView, ...]
    reports: tuple[ReportLine, ...]
    settled: tuple[ReportLine, ...]
    unanswered: tuple[NewcomerView, ...] = ()  # who still has to confirm their address


@dataclass(frozen=True, slots=True)
class ActLine:
    """A line of the log: `by` is a handle, None for the command line."""

    at: datetime
    by: str | None
    action: str
    subject: str
    detail: str


@dataclass(frozen=True, slots=True)
class LogView:
    """Log of what moderators did, newest first."""

    acts: tuple[ActLine, ...]
    earlier_url: str | None = None


def moderator_of(request: web.Request) -> Moderator:
    """Moderator in whose name something is decided."""
    account = current_user(request).own_account
    return Moderator(account.actor, account.role)


async def show(request: web.Request) -> web.Response:
    """GET /desk."""
    done = _DONE.get(request.query.get("done", ""))
    said = translations(site.locale_of(request)).gettext(done) if done else None
    page_request = site.page_request(
        request, current_user(request).me, form=True, current_page="desk", done=said
    )
    return await site.show(request, page_request, "moderation", _dashboard)


def _dashboard(reader: Reader, page_request: PageRequest) -> DashboardView:
    """Dashboard without what was told about whoever reads it."""
    me = page_request.me.id if page_request.me else None
    return DashboardView(
        question=site.read_site(reader, page_request.settings).charter.question,
        newcomers=_newcomers(reader),
        unanswered=_newcomers(reader, confirmed=False),
        reports=report_lines(reader, page_request.locale, Filed(resolved=False, but=me)),
        settled=report_lines(reader, page_request.locale, Filed(resolved=True, but=me), 10),
    )


def _newcomers(reader: Reader, *, confirmed: bool = True) -> tuple[NewcomerView, ...]:
    """Newcomers who wait, longest first."""
    waiting = signup.waiting(reader, confirmed=confirmed)[:MOST]
    sponsors = [one.invited_by for one in waiting if one.invited_by]
    known = actors.many(reader, [*(one.actor for one in waiting), *sponsors])
    return tuple(_newcomer(reader, one, known) for one in waiting)


def _newcomer(reader: Reader, account: Account, known: dict[ActorId, Actor]) -> NewcomerView:
    sponsor = known.get(account.invited_by or NOBODY)
    return NewcomerView(
        id=str(account.actor),
        person=presenters.person(reader.site, known[account.actor]),
        asked=account.created_at,
        reason=account.reason or "",
        email=address(account.email),
        invited_by=f"@{sponsor.name}" if sponsor else None,
    )


def report_lines(
    reader: Reader, locale: str, filed: Filed, most: int = MOST
) -> tuple[ReportLine, ...]:
    found = reports.page_of(reader, filed, Page(most))
    known = presenters.with_suspended(
        reader, [id_ for one in found for id_ in (one.target, one.reporter)]
    )
    _ = translations(locale).gettext
    return tuple(
        ReportLine(
            id=str(one.id),
            about=known[one.target],
            by=known[one.reporter],
            why=_(CATEGORIES[one.category]),
            told=one.created_at,
            settled=one.resolved_at is not None,
        )
        for one in found
    )


async def answer_newcomer(request: web.Request) -> web.Response:
    """POST /desk/newcomers: welcome somebody, or turn them away."""
    reauthentication.ensure_fresh(request, paths.MODERATION)
    form, moderator = await form_of(request), moderator_of(request)
    id_, do = form.actor("account") or NOBODY, form.text("do", 20)
    unit = {"welcome": account_decisions.approve, "no": account_decisions.reject}.get(do or "")
    if unit is None:
        raise Refused(422, "There is no such answer.")
    try:
        await request.app[DATABASE].write(unit, moderator, id_)
    except CannotDecide as error:
        said = error.form_error.sentence_in(translations(site.locale_of(request)).gettext)
        raise Refused(422, said) from error
    return web.Response(status=303, headers={"Location": f"{paths.MODERATION}?done={do}#newcomers"})


async def log(request: web.Request) -> web.Response:
    """GET /desk/log."""
    text = request.query.get("below", "")
    below = int(text) if text.isdecimal() and text.isascii() and len(text) < 19 else None

    def unit(reader: Reader, page_request: PageRequest) -> LogView:
        found = audit_log.page_of(reader, Page(MOST, max_id=below))
        known = actors.many(reader, [act.actor for act in found if act.actor is not None])
        acts = tuple(
            ActLine(
                at=act.at,
                by=f"@{known[act.actor].name}" if act.actor in known else None,
                action=act.action,
                subject=act.subject,
                detail=", ".join(f"{name}: {value}" for name, value in act.detail.items()),
            )
            for act in found
        )
        more = f"{paths.MODERATION_LOG}?below={found[-1].id}" if len(found) == MOST else None
        return LogView(acts, more)

    page_request = site.page_request(request, current_user(request).me, current_page="desk")
    return await site.show(request, page_request, "audit_log", unit)


ROUTES: list[Route] = [
    page(paths.MODERATION, show, Access.STEWARD),
    page(paths.MODERATION_LOG, log, Access.STEWARD),
    form_route(paths.MODERATION_NEWCOMERS, answer_newcomer, Access.STEWARD),
]
