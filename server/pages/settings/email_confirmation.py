"""The page behind the link in an email: yes, this is my address."""

from aiohttp import web

from server.access import account_creation, email_confirmation
from server.http.app_keys import DATABASE, SETTINGS
from server.http.errors import Refused
from server.http.forms import form_of
from server.http.guard import Access, Route, current_user, form_route, page
from server.mail import smtp
from server.pages import paths
from server.pages.access import guess_limits, second_factor
from server.pages.settings import account_settings
from server.pages.views import ConfirmView, Entered, SignupDoneView
from storage.access import accounts, confirmations
from storage.access.accounts import Account
from storage.access.confirmations import Confirmation
from storage.access.sessions import Session
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.people import actors

_STATES: dict[str, Entered] = {"enter": "confirmed", "ask": "asked", "change": "changed"}
_USED = "This link was used already, or its three days are over."


async def show(request: web.Request) -> web.Response:
    """GET /confirm: asks only, as what reads emails for people opens their links."""
    token = request.query.get("token", "")[:200]
    waiting = await request.app[DATABASE].read(confirmations.by_secret, token)
    if waiting is None:
        raise Refused(410, _USED)
    return await second_factor.show(request, "confirm", ConfirmView(token, waiting.email))


async def confirm(request: web.Request) -> web.Response:
    """POST /confirm. Nobody is logged in by it: the link may have reached somebody else."""
    token = (await form_of(request)).text("token", 200) or ""
    session = current_user(request).session
    before, done = await request.app[DATABASE].write(_confirm, token, session)
    if done is None or before is None:
        raise Refused(410, _USED)
    account, name = before
    if done.purpose == "change":
        smtp.in_background(account_settings.tell_of_new_address(request.app, account, name))
        if session is not None and session.account == done.account:
            response = web.Response(status=303, headers={"Location": paths.SETTINGS_EMAIL_DONE})
            await guess_limits.know(request, response, done.account)
            return response
    handle = f"@{name}@{request.app[SETTINGS].domain}"
    view = SignupDoneView(_STATES[done.purpose], handle, done.email)
    return await second_factor.show(request, "signup_done", view)


def _confirm(
    writer: Writer, token: str, session: Session | None
) -> tuple[tuple[Account, str] | None, Confirmation | None]:
    """Confirm an address; return who they were until now, and what was confirmed.

    A new address ends every other way in.
    """
    waiting = confirmations.by_secret(writer, token)
    before = _who(writer, waiting.account) if waiting else None
    done = email_confirmation.confirm(writer, token)
    if done is not None and done.purpose == "change":
        stays = session.id if session and session.account == done.account else 0
        account_creation.end_ways_in(writer, done.account, stays)
    return before, done


def _who(reader: Reader, id_: ActorId) -> tuple[Account, str] | None:
    account, actor = accounts.by_actor(reader, id_), actors.by_id(reader, id_)
    return (account, actor.name) if account and actor else None


ROUTES: list[Route] = [
    page(paths.CONFIRM, show),
    form_route(paths.CONFIRM, confirm, Access.VISITOR, "confirm"),
]
