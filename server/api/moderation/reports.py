"""`/api/v1/reports`: telling those who look after this place about somebody."""

from dataclasses import dataclass
from typing import Any

from aiohttp import web

from federation.activities import Flag
from federation.activities.flag import MOST_POSTS, Told
from federation.outbound import outbox
from server.api.common import somebody
from server.entities import report as report_entity
from server.http.app_keys import DATABASE
from server.http.errors import Refused, not_found, unprocessable
from server.http.forms import Form, form_of
from server.http.guard import Access, Route, current_user, post
from server.http.responses import answer
from storage.communities import charters
from storage.engine.transaction import Reader, Writer
from storage.moderation import reports
from storage.moderation.reports import CATEGORIES
from storage.people import actors
from storage.people.actors import Actor
from storage.posts import visible_posts
from storage.posts.visibility import Member

LONGEST_COMMENT = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class ReportParams:
    """What was sent; `posts` and `rules` are numbers.

    `only_to`: to these servers it may be forwarded, None: to whichever it concerns.
    """

    target: int
    posts: tuple[int, ...]
    rules: tuple[int, ...]
    comment: str
    category: str
    forward: bool
    only_to: frozenset[str] | None = None


async def create(request: web.Request) -> web.Response:
    params = _parse(await form_of(request))
    return answer(await request.app[DATABASE].write(_create, current_user(request).me, params))


def _parse(form: Form) -> ReportParams:
    form.needed("account_id", 30)
    rules = tuple(form.ids("rule_ids"))
    category = form.text("category", 30) or ("violation" if rules else "other")
    if category not in CATEGORIES:
        raise unprocessable("A report is about spam, something legal, a violation, or other.")
    return ReportParams(
        target=next(iter(form.ids("account_id")), 0),
        posts=tuple(dict.fromkeys(form.ids("status_ids", MOST_POSTS))),
        rules=rules if category == "violation" else (),
        comment=(form.text("comment", LONGEST_COMMENT) or "").strip(),
        category=category,
        forward=bool(form.flag("forward")),
        only_to=frozenset(form.texts("forward_to_domains")) or None,
    )


def _create(writer: Writer, me: Actor, params: ReportParams) -> dict[str, Any]:
    target = somebody(writer, params.target)
    if target.id == me.id:
        raise Refused(403, "This action is not allowed")
    ensure_rules(writer, params.rules)
    flag = Flag(
        id=outbox.new_uri(writer),
        actor=actors.application(writer).uri,
        about_whom=(target.uri, *_posts(writer, me, target, params.posts)),
        comment=params.comment,
        told=Told(me.id, params.category, params.rules, _goes_there(params, target)),
    )
    outbox.publish(writer, flag)
    made = reports.by_uri(writer, flag.id)
    if made is None:
        raise LookupError(flag.id)
    return report_entity.one(writer, made)


def _goes_there(params: ReportParams, target: Actor) -> bool:
    """Whether their server hears of it: it is wished, and not for others only."""
    return params.forward and (params.only_to is None or target.domain in params.only_to)


def _posts(reader: Reader, me: Actor, target: Actor, wanted: tuple[int, ...]) -> list[str]:
    """URIs of the posts: by whom it is about, and all such as the reporter may see."""
    found = visible_posts.many(reader, Member(me.id), wanted)
    if len(found) < len(wanted):
        raise not_found()
    if any(one.author != target.id for one in found.values()):
        raise unprocessable("One of these posts is by somebody else than the account you report.")
    return [one.uri for one in found.values()]


def ensure_rules(reader: Reader, rules: tuple[int, ...]) -> None:
    charter = charters.current(reader, actors.community(reader).id)
    agreed = len(charter.commitments) if charter else 0
    if any(not 1 <= rule <= agreed for rule in rules):
        raise unprocessable("One of these rules is not among ours.")


ROUTES: list[Route] = [
    post("/api/v1/reports", create, Access.MEMBER, "write:reports", limits=("api", "report")),
]
