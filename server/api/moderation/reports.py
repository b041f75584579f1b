"""`/api/v1/reports`: telling those who look after this place about somebody."""

from aiohttp import web

from federation.activities.flag import MOST_POSTS
from server.actions.moderation import reports
from server.actions.moderation.reports import ReportParams
from server.entities import report as report_entity
from server.entities import shapes
from server.http.app_keys import DATABASE
from server.http.errors import unprocessable
from server.http.forms import Form, form_of
from server.http.guard import Access, Route, current_user, post
from server.http.responses import answer
from storage.engine.ids import NOBODY
from storage.engine.transaction import Writer
from storage.moderation.reports import CATEGORIES
from storage.people.actors import Actor

LONGEST_COMMENT = 1000


async def create(request: web.Request) -> web.Response:
    params = _parse(await form_of(request))
    return answer(await request.app[DATABASE].write(_create, current_user(request).me, params))


def _parse(form: Form) -> ReportParams:
    form.required_text("account_id", 30)
    rules = tuple(form.ids("rule_ids"))
    category = form.text("category", 30) or ("violation" if rules else "other")
    if category not in CATEGORIES:
        raise unprocessable("A report is about spam, something legal, a violation, or other.")
    return ReportParams(
        target=next(iter(form.actors("account_id")), NOBODY),
        posts=tuple(dict.fromkeys(form.posts("status_ids", MOST_POSTS))),
        rules=rules if category == "violation" else (),
        comment=(form.text("comment", LONGEST_COMMENT) or "").strip(),
        category=category,
        forward=bool(form.flag("forward")),
        only_to=frozenset(form.texts("forward_to_domains")) or None,
    )


def _create(writer: Writer, me: Actor, params: ReportParams) -> shapes.Report:
    return report_entity.one(writer, reports.create(writer, me, params))


ROUTES: list[Route] = [
    post("/api/v1/reports", create, Access.MEMBER, "write:reports", limits=("api", "report")),
]
