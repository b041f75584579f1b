"""`kith account …`, `kith token …`, `kith invite`."""

from datetime import timedelta

from aiohttp import web

from server.access import account_creation, passwords, scopes
from server.access.signup import NotYet, SignupParams, sign_up
from server.cli.control_socket import Answer, Arguments, CommandFailed
from server.http.app_keys import DATABASE, OUTSIDE, SETTINGS
from server.mail import smtp
from storage.access import accounts, challenges, oauth, second_factor, sessions
from storage.access.accounts import Account, AccountState
from storage.engine import ids
from storage.engine.errors import Conflict
from storage.engine.transaction import Reader, Writer
from storage.people import actors
from storage.people.actors import Actor

RESET_LASTS = timedelta(hours=1)
MOST_USES = 1000
MOST_DAYS = 365


async def create(app: web.Application, given: Arguments) -> Answer:
    """Make a member; without a password one is made and shown once."""
    password = given.get("password") or ids.secret(12)
    params = SignupParams(
        name=given["name"].lower(),
        email=given["email"],
        password=password,
        role=given.get("role", "member"),
        by_moderator=True,
    )
    try:
        actor = await sign_up(app[DATABASE], params)
    except NotYet as error:
        raise CommandFailed(str(error)) from error
    made: Answer = {"id": str(actor.id), "name": actor.name, "uri": actor.uri, "role": params.role}
    return made if given.get("password") else {**made, "password": password}


async def list_accounts(app: web.Application, given: Arguments) -> list[Answer]:
    return await app[DATABASE].read(_list, given.get("state"))


def _list(reader: Reader, state: str | None) -> list[Answer]:
    found = accounts.everyone(reader, state)
    people = actors.many(reader, [account.actor for account in found])
    return [
        {
            "name": people[account.actor].name,
            "email": accounts.address(account.email),
            "role": account.role,
            "state": account.state,
            "confirmed": not account.unconfirmed,
            "reason": account.reason,
        }
        for account in found
        if account.actor in people
    ]


def _find(reader: Reader, name: str) -> tuple[Actor, Account]:
    actor = actors.by_handle(reader, name.removeprefix("@"))
    account = accounts.by_actor(reader, actor.id) if actor else None
    if actor is None or account is None:
        raise CommandFailed(f"Nobody here is called “{name}”.")
    return actor, account


async def password(app: web.Application, given: Arguments) -> Answer:
    """Set a password, and end every session and token of the account."""
    new = given.get("password") or ids.secret(12)
    error = passwords.validate(new)
    if error:
        raise CommandFailed(error.sentence_in())
    await app[DATABASE].write(_password, given["name"], await passwords.hash_password(new))
    shown = {} if given.get("password") else {"password": new}
    return {"name": given["name"], **shown}


def _password(writer: Writer, name: str, hashed: str) -> None:
    actor, _ = _find(writer, name)
    accounts.set_password(writer, actor.id, hashed)
    account_creation.end_ways_in(writer, actor.id)


async def reset(app: web.Application, given: Arguments) -> Answer:
    """A link to set a new password, good for an hour, to be handed over by the admin."""
    secret = ids.secret()
    await app[DATABASE].write(_reset, given["name"], secret)
    return {"link": f"{app[SETTINGS].web_origin}/reset/new?token={secret}"}


def _reset(writer: Writer, name: str, secret: str) -> None:
    actor, _ = _find(writer, name)
    sessions.offer_reset(writer, secret, actor.id, RESET_LASTS)


async def approve(app: web.Application, given: Arguments) -> Answer:
    """Welcome somebody, and write to them where emails are sent."""
    actor, account = await app[DATABASE].write(_approve, given["name"])
    settings, clock = app[SETTINGS], app[OUTSIDE].clock
    sent = await smtp.welcome(settings, clock, account, actor.display_name or actor.name)
    missing = "none was taken: see the log" if settings.smtp_host else "none: no mail server is set"
    return {"name": given["name"], "state": "active", "letter": "sent" if sent else missing}


def _approve(writer: Writer, name: str) -> tuple[Actor, Account]:
    actor, account = _find(writer, name)
    if account.state != "pending":
        raise CommandFailed(f"“{name}” is not waiting for an answer.")
    try:
        account_creation.approve(writer, actor.id)
    except Conflict as taken:
        raise CommandFailed(f"The address of “{name}” belongs to a member already.") from taken
    return _find(writer, name)


async def disable(app: web.Application, given: Arguments) -> Answer:
    await app[DATABASE].write(_disable, given["name"])
    return {"name": given["name"], "state": "disabled"}


def _disable(writer: Writer, name: str) -> None:
    actor, _ = _find(writer, name)
    accounts.set_state(writer, actor.id, "disabled")
    sessions.end_all(writer, actor.id)


async def enable(app: web.Application, given: Arguments) -> Answer:
    return {"name": given["name"], "state": await app[DATABASE].write(_enable, given["name"])}


def _enable(writer: Writer, name: str) -> str:
    """Enable an account; one disabled before a steward answered it waits for that answer again."""
    actor, account = _find(writer, name)
    if account.state != "disabled":
        raise CommandFailed(f"“{name}” was not disabled.")
    state: AccountState = "pending" if actor.effective_state == "pending" else "active"
    accounts.set_state(writer, actor.id, state)
    return state


async def second_step_off(app: web.Application, given: Arguments) -> Answer:
    """Take away the second step of whoever lost app and codes; every browser is logged out."""
    passkeys = bool(given.get("passkeys"))
    await app[DATABASE].write(_second_step_off, given["name"], passkeys)
    return {
        "name": given["name"],
        "second_step": "off",
        **({"passkeys": "none"} if passkeys else {}),
    }


def _second_step_off(writer: Writer, name: str, passkeys: bool) -> None:
    actor, _ = _find(writer, name)
    (second_factor.forget_all if passkeys else second_factor.end_totp)(writer, actor.id)
    challenges.end_all(writer, actor.id)
    sessions.end_all(writer, actor.id)
    sessions.forget_links(writer, actor.id)


async def role(app: web.Application, given: Arguments) -> Answer:
    await app[DATABASE].write(_role, given["name"], given["role"])
    return {"name": given["name"], "role": given["role"]}


def _role(writer: Writer, name: str, new: str) -> None:
    actor, _ = _find(writer, name)
    accounts.set_role(writer, actor.id, new)


async def token(app: web.Application, given: Arguments) -> Answer:
    """A token for a script, as if its owner had let an app in. Shown once."""
    wanted = scopes.split(given.get("scopes"))
    unknown = [scope for scope in wanted if scope not in scopes.KNOWN]
    if unknown:
        raise CommandFailed(f"There is no scope “{unknown[0]}”.")
    secret = ids.secret()
    await app[DATABASE].write(_token, given["name"], secret, " ".join(wanted))
    return {"access_token": secret, "scope": " ".join(wanted), "token_type": "Bearer"}


def _token(writer: Writer, name: str, secret: str, wanted: str) -> None:
    actor, account = _find(writer, name)
    if account.role != "admin" and any(map(scopes.is_admins, wanted.split())):
        raise CommandFailed(f"Only an admin’s token can do an admin’s work; “{name}” is none.")
    app = oauth.App(
        writer.new_id(),
        ids.secret(),
        oauth.hash_secret(ids.secret()),
        "kith token",
        None,
        (),
        wanted,
    )
    oauth.add(writer, app)
    oauth.issue(writer, secret, app.id, actor.id, wanted)


async def invite(app: web.Application, given: Arguments) -> Answer:
    uses, days = given.get("uses", 1), given.get("days", 7)
    if not 1 <= uses <= MOST_USES or not 1 <= days <= MOST_DAYS:
        raise CommandFailed(
            f"An invitation is good for 1 to {MOST_USES} people and 1 to {MOST_DAYS} days."
        )
    secret = ids.secret(12)
    await app[DATABASE].write(sessions.invite, secret, None, uses, timedelta(days=days))
    return {"link": f"{app[SETTINGS].web_origin}/signup?invite_code={secret}", "code": secret}


COMMANDS = {
    "account create": create,
    "account list": list_accounts,
    "account password": password,
    "account reset": reset,
    "account approve": approve,
    "account disable": disable,
    "account enable": enable,
    "account role": role,
    "account second-step-off": second_step_off,
    "token create": token,
    "invite": invite,
}
