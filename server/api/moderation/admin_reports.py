"""`/api/v1/admin/reports`: what was told, who looks into it, and that it is settled."""

from collections.abc import Callable
from typing import Any

from aiohttp import web

from server.actions.moderation.reports import ensure_rules
from server.api.common import number
from server.api.moderation.admin_accounts import moderator_of
from server.entities import admin, shapes
from server.http.app_keys import DATABASE
from server.http.errors import not_found, unprocessable
from server.http.forms import form_of
from server.http.guard import Access, Route, get, post, put
from server.http.pagination import answer_with_links, page_of
from server.http.responses import answer
from server.moderation import account_decisions
from server.moderation.account_decisions import Moderator
from storage.engine.ids import ActorId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer
from storage.moderation import audit_log, reports
from storage.moderation.reports import CATEGORIES, Filed, Report


async def several(request: web.Request) -> web.Response:
    form, page, moderator = (
        await form_of(request),
        page_of(request, 100, 200),
        moderator_of(request),
    )
    filed = Filed(
        resolved=bool(form.flag("resolved")),
        reporter=form.actor("account_id"),
        target=form.actor("target_account_id"),
        but=moderator.actor,
    )
    body, cursors = await request.app[DATABASE].write(_several, moderator, filed, page)
    return answer_with_links(request, body, cursors, page, always_next=False)


def _several(
    writer: Writer, moderator: Moderator, filed: Filed, page: Page
) -> tuple[list[shapes.AdminReport], list[int]]:
    found = reports.page_of(writer, filed, page)
    return _render(writer, moderator, found), [one.id for one in found]


def _render(writer: Writer, moderator: Moderator, found: list[Report]) -> list[shapes.AdminReport]:
    viewer = account_decisions.reading(writer, moderator, found)
    return admin.reports(writer, viewer, found)


async def show(request: web.Request) -> web.Response:
    body = await request.app[DATABASE].write(_show, moderator_of(request), number(request))
    return answer(body)


def _show(writer: Writer, moderator: Moderator, id_: int) -> shapes.AdminReport:
    return _render(writer, moderator, [find_report(writer, moderator, id_)])[0]


def find_report(reader: Reader, moderator: Moderator, id_: int) -> Report:
    """404 where there is none, or it is about whoever asks."""
    report = reports.by_id(reader, id_)
    if report is None or report.target == moderator.actor:
        raise not_found()
    return report


async def update(request: web.Request) -> web.Response:
    """PUT …/:id: what kind of report it is."""
    form = await form_of(request)
    category = form.text("category", 30)
    rules = tuple(form.ids("rule_ids")) if "rule_ids" in form else None
    if category not in (None, *CATEGORIES):
        raise unprocessable("A report is about spam, something legal, a violation, or other.")

    def unit(writer: Writer, moderator: Moderator, id_: int) -> shapes.AdminReport:
        before = find_report(writer, moderator, id_)
        account_decisions.ensure_may_settle(writer, moderator, before)
        kind = category or ("violation" if rules else before.category)
        cited = before.rules if rules is None else rules
        ensure_rules(writer, cited)
        reports.classify(writer, id_, kind, cited if kind == "violation" else ())
        audit_log.note(writer, moderator.actor, "report.classify", f"report {id_}", category=kind)
        return _show(writer, moderator, id_)

    return answer(await request.app[DATABASE].write(unit, moderator_of(request), number(request)))


Unit = Callable[[Writer, int, ActorId | None], None]


def _doing(action: str, unit: Unit) -> Callable[[web.Request], Any]:
    def decide(writer: Writer, moderator: Moderator, id_: int) -> shapes.AdminReport:
        account_decisions.ensure_may_settle(writer, moderator, find_report(writer, moderator, id_))
        unit(writer, id_, moderator.actor)
        audit_log.note(writer, moderator.actor, f"report.{action}", f"report {id_}")
        return _show(writer, moderator, id_)

    async def handle(request: web.Request) -> web.Response:
        return answer(
            await request.app[DATABASE].write(decide, moderator_of(request), number(request))
        )

    return handle


def _unassign(writer: Writer, id_: int, _: int | None) -> None:
    reports.assign(writer, id_, None)


def _reopen(writer: Writer, id_: int, _: int | None) -> None:
    reports.reopen(writer, id_)


_ALL = "/api/v1/admin/reports"
_ONE = f"{_ALL}/{{id}}"
_READ, _WRITE = "admin:read:reports", "admin:write:reports"

ROUTES: list[Route] = [
    get(_ALL, several, Access.ADMIN, _READ),
    get(_ONE, show, Access.ADMIN, _READ),
    put(_ONE, update, Access.ADMIN, _WRITE),
    post(f"{_ONE}/assign_to_self", _doing("assign", reports.assign), Access.ADMIN, _WRITE),
    post(f"{_ONE}/unassign", _doing("unassign", _unassign), Access.ADMIN, _WRITE),
    post(f"{_ONE}/resolve", _doing("resolve", reports.resolve), Access.ADMIN, _WRITE),
    post(f"{_ONE}/reopen", _doing("reopen", _reopen), Access.ADMIN, _WRITE),
]
