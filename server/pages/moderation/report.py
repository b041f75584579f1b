"""Report at the stewards' desk: what was told, the posts it is about, and what to do."""

from dataclasses import dataclass
from datetime import datetime

from aiohttp import web

from server.http import reauthentication
from server.http.app_keys import DATABASE
from server.http.errors import Refused, not_found
from server.http.forms import Form, form_of
from server.http.guard import Access, Route, current_user, form_route, page
from server.http.parsing import id_of
from server.i18n.translations import N_, translations
from server.moderation import account_decisions
from server.moderation.account_decisions import LONGEST_TEXT, Moderator, Verdict
from server.pages import paths, presenters, site
from server.pages.moderation import dashboard
from server.pages.moderation.dashboard import moderator_of
from server.pages.presenters import RenderOptions
from server.pages.site import PageRequest, PageResponse
from server.pages.views import Choice, FormView, Person, PostView
from server.refusals import CannotDecide
from storage.access import accounts
from storage.communities import charters
from storage.engine.transaction import Reader, Writer
from storage.moderation import audit_log, decisions, reports
from storage.moderation.decisions import Action
from storage.moderation.reports import Report
from storage.people import actors
from storage.people.actors import Actor
from storage.posts import visible_posts

CHOICES: dict[Action, str] = {
    "none": N_("Nothing: settle it"),
    "warn": N_("Tell them something"),
    "freeze": N_("Freeze: they may read, and not act"),
    "sensitive": N_("Show what they post behind a warning"),
    "silence": N_("Silence: only those who follow them hear them"),
    "suspend": N_("Suspend: hidden everywhere, and logged out"),
}
UNDO = {
    "freeze": N_("Let them act again"),
    "sensitive": N_("Show what they post as they post it"),
    "silence": N_("Let everybody hear them again"),
    "suspend": N_("Let them in again"),
}
DECIDED = {
    "none": N_("Settled"),
    "warn": N_("Told them something"),
    "freeze": N_("Frozen"),
    "sensitive": N_("Behind a warning"),
    "silence": N_("Silenced"),
    "suspend": N_("Suspended"),
}
_DONE = N_("Done. It is written down.")


@dataclass(frozen=True, slots=True)
class DecisionLine:
    """Decision made before; `by` is a handle, None for the command line."""

    what: str
    text: str
    at: datetime
    by: str | None
    undone: datetime | None


@dataclass(frozen=True, slots=True)
class ReportView:
    """Report with everything about it; `undo` are decisions in force that can be taken back."""

    line: dashboard.ReportLine
    comment: str
    rules: tuple[str, ...]
    forwarded: bool
    posts: tuple[PostView, ...]
    missing: int
    assigned: str | None
    before: tuple[DecisionLine, ...]
    undo: tuple[Choice, ...]
    choices: tuple[Choice, ...]
    may_decide: bool
    form: FormView


async def show(request: web.Request) -> web.Response:
    """GET /desk/reports/{id}: reading posts that are not for everybody is written down."""
    return await _page(request, FormView("decide", {"action": "none"}))


async def _page(request: web.Request, form: FormView) -> web.Response:
    moderator, id_ = moderator_of(request), _number(request)
    locale = site.locale_of(request)
    done = translations(locale).gettext(_DONE) if "done" in request.query else None
    page_request = site.page_request(
        request, current_user(request).me, form=True, current_page="desk", done=done
    )

    def unit(writer: Writer) -> tuple[ReportView, object]:
        return _view(writer, page_request, moderator, id_, form), site.frame(writer, page_request)

    view, frame = await request.app[DATABASE].write(unit)
    status = 422 if form.errors or form.said else 200
    return site.answer(request, page_request, PageResponse("report", frame, view, status))  # type: ignore[arg-type]


def _number(request: web.Request) -> int:
    return id_of(request.match_info["id"]) or 0


def _find(reader: Reader, moderator: Moderator, id_: int) -> tuple[Report, Actor]:
    """404 where there is none, or it is about whoever asks."""
    report = reports.by_id(reader, id_)
    target = actors.by_id(reader, report.target) if report else None
    if report is None or target is None or target.id == moderator.actor:
        raise not_found()
    return report, target


def _view(
    writer: Writer, page_request: PageRequest, moderator: Moderator, id_: int, form: FormView
) -> ReportView:
    report, target = _find(writer, moderator, id_)
    _ = translations(page_request.locale).gettext
    posts = _posts(writer, page_request, moderator, report)
    assigned = actors.by_id(writer, report.assigned) if report.assigned else None
    known = presenters.with_suspended(writer, [report.target, report.reporter])
    line = dashboard.ReportLine(
        id=str(report.id),
        about=known[report.target],
        by=known[report.reporter],
        why=_(dashboard.CATEGORIES[report.category]),
        told=report.created_at,
        settled=report.resolved_at is not None,
    )
    account = accounts.by_actor(writer, target.id)
    holding = [one for one in UNDO if account_decisions.holds(target, account, one)]
    offered = [one for one in CHOICES if one not in holding and (account or one not in _OURS)]
    return ReportView(
        line=line,
        comment=report.comment,
        rules=_rules(writer, report),
        forwarded=report.forwarded,
        posts=posts,
        missing=len(report.posts) - len(posts),
        assigned=f"@{assigned.name}" if assigned else None,
        before=_before(writer, target, page_request.locale),
        undo=tuple(Choice(one, _(UNDO[one])) for one in holding),
        choices=tuple(Choice(one, _(CHOICES[one])) for one in offered),
        may_decide=account_decisions.may_decide(writer, moderator, target),
        form=form,
    )


_OURS = ("warn", "freeze")  # what only somebody of ours can be told, or kept from


def _posts(
    writer: Writer, page_request: PageRequest, moderator: Moderator, report: Report
) -> tuple[PostView, ...]:
    viewer = account_decisions.reading(writer, moderator, [report])
    found = visible_posts.many(writer, viewer, report.posts)
    ordered = [found[id_] for id_ in sorted(found)]
    return presenters.posts(
        writer, ordered, RenderOptions(page_request.settings.title, page_request.locale)
    )


def _rules(reader: Reader, report: Report) -> tuple[str, ...]:
    charter = charters.current(reader, actors.community(reader).id)
    agreed = charter.commitments if charter else ()
    return tuple(agreed[rule - 1].text for rule in report.rules if 0 < rule <= len(agreed))


def _before(reader: Reader, target: Actor, locale: str) -> tuple[DecisionLine, ...]:
    found = decisions.about(reader, target.id)
    known: dict[int, Person] = presenters.with_suspended(
        reader, [one.moderator for one in found if one.moderator is not None]
    )
    _ = translations(locale).gettext
    return tuple(
        DecisionLine(
            what=_(DECIDED[one.action]),
            text=one.text,
            at=one.created_at,
            by=known[one.moderator].handle if one.moderator in known else None,
            undone=one.undone_at,
        )
        for one in found
    )


async def act(request: web.Request) -> web.Response:
    """POST /desk/reports/{id}: decide, take back, take on, let go, open again."""
    id_ = _number(request)
    back = f"{paths.MODERATION_REPORTS}/{id_}"
    reauthentication.ensure_fresh(request, back)
    form, moderator = await form_of(request), moderator_of(request)
    try:
        await request.app[DATABASE].write(_act, moderator, id_, _parse(form))
    except CannotDecide as error:
        _ = translations(site.locale_of(request)).gettext
        values = {name: form.text(name) or "" for name in ("action", "text")}
        return await _page(request, FormView("decide", values, {}, error.form_error.sentence_in(_)))
    return web.Response(status=303, headers={"Location": f"{back}?done=1"})


@dataclass(frozen=True, slots=True)
class _Act:
    """Button that was pressed, and for a decision what was chosen and written."""

    do: str
    action: str
    text: str


def _parse(form: Form) -> _Act:
    return _Act(
        do=form.text("do", 20) or "decide",
        action=form.text("action", 20) or "",
        text=(form.text("text", LONGEST_TEXT) or "").strip(),
    )


def _act(writer: Writer, moderator: Moderator, id_: int, wanted: _Act) -> None:
    report, target = _find(writer, moderator, id_)
    account_decisions.ensure_may_settle(writer, moderator, report)
    do = wanted.do
    if do == "decide":
        _decide(writer, moderator, report, wanted)
    elif do.startswith("undo-") and do[5:] in UNDO:
        account_decisions.undo(writer, moderator, target.id, do[5:])
    elif do in ("assign", "unassign", "reopen"):
        _keep(writer, moderator, id_, do)
    else:
        raise Refused(422, "There is no such thing to do.")


def _decide(writer: Writer, moderator: Moderator, report: Report, wanted: _Act) -> None:
    action = next((one for one in CHOICES if one == wanted.action), None)
    if action is None:
        raise Refused(422, "There is no such decision.")
    if action == "none":
        reports.resolve(writer, report.id, moderator.actor)
        audit_log.note(writer, moderator.actor, "report.resolve", f"report {report.id}")
        return
    verdict = Verdict(action=action, text=wanted.text, report=report.id)
    account_decisions.decide(writer, moderator, report.target, verdict)


def _keep(writer: Writer, moderator: Moderator, id_: int, do: str) -> None:
    if do == "reopen":
        reports.reopen(writer, id_)
    else:
        reports.assign(writer, id_, moderator.actor if do == "assign" else None)
    audit_log.note(writer, moderator.actor, f"report.{do}", f"report {id_}")


_ONE = f"{paths.MODERATION_REPORTS}/{{id:[0-9]{{1,18}}}}"

ROUTES: list[Route] = [
    page(_ONE, show, Access.STEWARD),
    form_route(_ONE, act, Access.STEWARD),
]
