"""`/api/v1/admin/accounts` and its second version: who is here, and what is decided about them."""

from collections.abc import Callable, Mapping
from typing import Any

from aiohttp import web

from server.api.common import actor_number
from server.entities import admin, shapes
from server.http.app_keys import DATABASE
from server.http.errors import not_found, unprocessable
from server.http.forms import Form, form_of
from server.http.guard import Access, Route, current_user, delete, get, post
from server.http.pagination import answer_with_links, page_of
from server.http.responses import answer
from server.moderation import account_decisions
from server.moderation.account_decisions import LONGEST_TEXT, Moderator, Verdict
from storage.engine.ids import ActorId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer
from storage.moderation import account_listing
from storage.moderation.account_listing import ORIGINS, STATUSES, Sought
from storage.moderation.decisions import Action
from storage.people import actors

ACTIONS: Mapping[str, Action] = {
    "none": "none",
    "disable": "freeze",
    "sensitive": "sensitive",
    "silence": "silence",
    "suspend": "suspend",
}
STAFF = ("steward", "admin")
_ROLES = {str(place): name for place, name in enumerate(account_decisions.RANKS)}


def moderator_of(request: web.Request) -> Moderator:
    """Moderator in whose name something is decided."""
    account = current_user(request).own_account
    return Moderator(account.actor, account.role)


async def first(request: web.Request) -> web.Response:
    """GET /api/v1/admin/accounts: one flag for each origin and state."""
    form = await form_of(request)
    sought = _parse_criteria(
        form,
        origin=next((name for name in ORIGINS if form.flag(name)), None),
        status=next((name for name in STATUSES if form.flag(name)), None),
        roles=STAFF if form.flag("staff") else (),
    )
    return await _list(request, sought)


async def second(request: web.Request) -> web.Response:
    """GET /api/v2/admin/accounts."""
    form = await form_of(request)
    origin, status = form.text("origin", 30) or None, form.text("status", 30) or None
    if origin not in (None, *ORIGINS) or status not in (None, *STATUSES):
        raise unprocessable("There is no such origin or status.")
    roles = [_ROLES[one] for one in form.texts("role_ids") if one in _ROLES]
    staff = form.text("permissions", 30) == "staff"
    sought = _parse_criteria(
        form, origin=origin, status=status, roles=(*roles, *(STAFF if staff else ()))
    )
    return await _list(request, sought)


def _parse_criteria(
    form: Form, *, origin: str | None, status: str | None, roles: tuple[str, ...]
) -> Sought:
    return Sought(
        origin=origin,
        status=status,
        roles=roles,
        invited_by=form.actor("invited_by"),
        name=_text(form, "username"),
        display_name=_text(form, "display_name"),
        domain=_text(form, "by_domain"),
        email=_text(form, "email"),
    )


def _text(form: Form, name: str) -> str | None:
    return (form.text(name, 400) or "").strip().removeprefix("@") or None


async def _list(request: web.Request, sought: Sought) -> web.Response:
    page = page_of(request, 100, 200)
    body, cursors = await request.app[DATABASE].read(_page, sought, page)
    return answer_with_links(request, body, cursors, page, always_next=False)


def _page(
    reader: Reader, sought: Sought, page: Page
) -> tuple[list[shapes.AdminAccount], list[int]]:
    found = account_listing.page_of(reader, sought, page)
    known = admin.people(reader, found)
    return [known[id_] for id_ in found], list(found)


async def show(request: web.Request) -> web.Response:
    return answer(await request.app[DATABASE].read(_show, actor_number(request)))


def _show(reader: Reader, id_: ActorId) -> shapes.AdminAccount:
    found = actors.by_id(reader, id_)
    if found is None or found.type == "Application" or found.effective_state == "deleted":
        raise not_found()
    return admin.person(reader, id_)


async def act(request: web.Request) -> web.Response:
    """POST …/action: decide about somebody."""
    form = await form_of(request)
    type_, text = form.required_text("type", 30), (form.text("text", LONGEST_TEXT) or "").strip()
    if type_ not in ACTIONS:
        raise unprocessable("There is no such action.")
    action = ACTIONS[type_]
    verdict = Verdict(
        action="warn" if action == "none" and text else action,
        text=text,
        report=form.number("report_id"),
        email=form.flag("send_email_notification") is not False,
    )
    await request.app[DATABASE].write(
        account_decisions.decide, moderator_of(request), actor_number(request), verdict
    )
    return answer({})


Unit = Callable[[Writer, Moderator, ActorId], None]


def _doing(unit: Unit) -> Callable[[web.Request], Any]:
    """Make a handler that does something to an account; the answer is the account as it is then."""

    def decide(writer: Writer, moderator: Moderator, id_: ActorId) -> shapes.AdminAccount:
        unit(writer, moderator, id_)
        return admin.person(writer, id_)

    async def handle(request: web.Request) -> web.Response:
        return answer(
            await request.app[DATABASE].write(decide, moderator_of(request), actor_number(request))
        )

    return handle


def _undoing(action: str) -> Unit:
    def unit(writer: Writer, moderator: Moderator, id_: ActorId) -> None:
        account_decisions.undo(writer, moderator, id_, action)

    return unit


async def reject(request: web.Request) -> web.Response:
    """POST …/reject: the answer is the account as it was."""

    def unit(writer: Writer, moderator: Moderator, id_: ActorId) -> shapes.AdminAccount:
        before = _show(writer, id_)
        account_decisions.reject(writer, moderator, id_)
        return before

    return answer(
        await request.app[DATABASE].write(unit, moderator_of(request), actor_number(request))
    )


_ONE = "/api/v1/admin/accounts/{id}"
_READ, _WRITE = "admin:read:accounts", "admin:write:accounts"

ROUTES: list[Route] = [
    get("/api/v1/admin/accounts", first, Access.ADMIN, _READ),
    get("/api/v2/admin/accounts", second, Access.ADMIN, _READ),
    get(_ONE, show, Access.ADMIN, _READ),
    post(f"{_ONE}/action", act, Access.ADMIN, _WRITE),
    post(f"{_ONE}/approve", _doing(account_decisions.approve), Access.ADMIN, _WRITE),
    post(f"{_ONE}/reject", reject, Access.ADMIN, _WRITE),
    post(f"{_ONE}/enable", _doing(account_decisions.enable), Access.ADMIN, _WRITE),
    post(f"{_ONE}/unsensitive", _doing(_undoing("sensitive")), Access.ADMIN, _WRITE),
    post(f"{_ONE}/unsilence", _doing(_undoing("silence")), Access.ADMIN, _WRITE),
    post(f"{_ONE}/unsuspend", _doing(_undoing("suspend")), Access.ADMIN, _WRITE),
    delete(_ONE, _doing(account_decisions.erase), Access.ADMIN, _WRITE),
]
