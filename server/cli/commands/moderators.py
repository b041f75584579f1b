"""`kith account …`, `kith server …`, `kith audit`: what moderators decide, from a shell."""

from collections.abc import Awaitable, Callable
from typing import Any

from aiohttp import web

from server.cli.control_socket import Answer, Arguments, CommandFailed
from server.http.app_keys import DATABASE, SETTINGS
from server.moderation import account_decisions, domain_limits
from server.moderation.account_decisions import COMMAND_LINE, Verdict
from server.moderation.domain_limits import DomainLimitParams
from server.refusals import CannotDecide
from storage.access import signup_blocks
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer
from storage.moderation import audit_log, decisions
from storage.moderation.decisions import Action
from storage.people import actors
from storage.people.actors import Actor
from storage.queues import hosts
from storage.queues.hosts import Limit, Tier

Command = Callable[[web.Application, Arguments], Awaitable[Any]]
MOST_ACTS = 500


def find_actor(reader: Reader, handle: str) -> Actor:
    """Find an actor, of ours by name, or of others by name@server."""
    name, _, domain = handle.removeprefix("@").partition("@")
    ours = domain in ("", reader.site.domain)
    actor = actors.by_handle(reader, name, "" if ours else domain)
    if actor is None:
        raise CommandFailed(f"Nobody known here is called “{handle}”.")
    return actor


def _deciding(action: Action) -> Command:
    def unit(writer: Writer, handle: str, text: str) -> Answer:
        actor = find_actor(writer, handle)
        account_decisions.decide(writer, COMMAND_LINE, actor.id, Verdict(action=action, text=text))
        return {"name": actor.acct, "decided": action}

    async def command(app: web.Application, given: Arguments) -> Any:
        return await _try(app, unit, given["name"], given.get("text") or "")

    return command


def _undoing(action: str) -> Command:
    def unit(writer: Writer, handle: str) -> Answer:
        actor = find_actor(writer, handle)
        account_decisions.undo(writer, COMMAND_LINE, actor.id, action)
        return {"name": actor.acct, "undone": action}

    async def command(app: web.Application, given: Arguments) -> Any:
        return await _try(app, unit, given["name"])

    return command


async def reject(app: web.Application, given: Arguments) -> Any:
    def unit(writer: Writer, handle: str) -> Answer:
        account_decisions.reject(writer, COMMAND_LINE, find_actor(writer, handle).id)
        return {"name": handle, "state": "rejected"}

    return await _try(app, unit, given["name"])


async def erase(app: web.Application, given: Arguments) -> Any:
    def unit(writer: Writer, handle: str) -> Answer:
        account_decisions.erase(writer, COMMAND_LINE, find_actor(writer, handle).id)
        return {"name": handle, "state": "deleted"}

    return await _try(app, unit, given["name"])


async def show(app: web.Application, given: Arguments) -> Any:
    """Show the decisions about an account."""

    def unit(reader: Reader, handle: str) -> Answer:
        actor = find_actor(reader, handle)
        return {
            "name": actor.acct,
            "state": actor.effective_state,
            "silenced": bool(actor.silenced),
            "sensitive": actor.sensitized,
            "decisions": [
                {
                    "action": one.action,
                    "text": one.text,
                    "at": one.created_at.isoformat(),
                    "undone": one.undone_at.isoformat() if one.undone_at else None,
                }
                for one in decisions.about(reader, actor.id)
            ],
        }

    return await app[DATABASE].read(unit, given["name"])


async def _try(app: web.Application, unit: Callable[..., Any], *given: Any) -> Any:
    try:
        return await app[DATABASE].write(unit, *given)
    except CannotDecide as error:
        raise CommandFailed(str(error)) from error


# ---- other servers ----


async def block(app: web.Application, given: Arguments) -> Answer:
    """Block a server: nothing is taken in from it, shown of it or sent to it; subdomains too."""
    return await _put(app, given, "blocked")


async def silence(app: web.Application, given: Arguments) -> Answer:
    """Silence a server: its people are heard by those who follow them."""
    return await _put(app, given, "limited")


async def limit(app: web.Application, given: Arguments) -> Answer:
    """Take no media, or no reports, and hear it otherwise as before."""
    domain = _name(app, given)
    return await _put(app, given, (await app[DATABASE].read(hosts.get, domain)).tier)


async def _put(app: web.Application, given: Arguments, tier: Tier | None) -> Answer:
    domain = _name(app, given)
    params = DomainLimitParams(
        tier=tier,
        reject_media=given.get("reject_media"),
        reject_reports=given.get("reject_reports"),
        private_comment=given.get("comment"),
        public_comment=given.get("public_comment"),
    )
    try:
        accounts = await domain_limits.put(app[DATABASE], COMMAND_LINE, domain, params)
    except CannotDecide as error:
        raise CommandFailed(str(error)) from error
    return {"domain": domain, "tier": tier, "accounts": accounts}


def _name(app: web.Application, given: Arguments) -> str:
    try:
        return domain_limits.name_of(app[SETTINGS], given["domain"])
    except CannotDecide as error:
        raise CommandFailed(str(error)) from error


async def unblock(app: web.Application, given: Arguments) -> Answer:
    """Show again what a server said; whoever followed somebody there has to follow anew."""
    domain = _name(app, given)
    try:
        accounts = await domain_limits.lift(app[DATABASE], COMMAND_LINE, domain)
    except CannotDecide as error:
        raise CommandFailed(str(error)) from error
    return {"domain": domain, "tier": None, "accounts": accounts}


async def show_domain(app: web.Application, given: Arguments) -> Answer:
    """Show the decisions about a server, and about the domains above it."""
    domain = _name(app, given)

    def unit(reader: Reader) -> Answer:
        media, reports = hosts.rejects(reader, domain)
        return {
            "domain": domain,
            "blocked": hosts.is_blocked(reader, domain),
            "silenced": hosts.is_limited(reader, domain),
            "reject_media": media,
            "reject_reports": reports,
            "comments": _comments(hosts.limit_of(reader, domain)),
        }

    return await app[DATABASE].read(unit)


def _comments(known: Limit | None) -> Answer:
    if known is None:
        return {}
    return {"private": known.private_comment, "public": known.public_comment}


# ---- the log, and who cannot sign up ----


async def log(app: web.Application, given: Arguments) -> list[Answer]:
    """List what moderators did, newest first."""
    most = min(max(int(given.get("last") or 40), 1), MOST_ACTS)

    def unit(reader: Reader) -> list[Answer]:
        acts = audit_log.page_of(reader, Page(most))
        known = actors.many(reader, [act.actor for act in acts if act.actor is not None])
        return [
            {
                "at": act.at.isoformat(),
                "by": known[act.actor].name if act.actor in known else "command line",
                "action": act.action,
                "subject": act.subject,
                "detail": dict(act.detail),
            }
            for act in acts
        ]

    return await app[DATABASE].read(unit)


async def block_name(app: web.Application, given: Arguments) -> Answer:
    name, exact = given["name"].strip().lower(), bool(given.get("exact"))
    if not name:
        raise CommandFailed("A name is needed for this.")

    def unit(writer: Writer) -> None:
        signup_blocks.block_name(writer, name, exact=exact)
        audit_log.note(writer, None, "name.block", f"name {name}")

    await app[DATABASE].write(unit)
    return {"name": name, "exact": exact}


async def unblock_name(app: web.Application, given: Arguments) -> Answer:
    name = given["name"].strip().lower()

    def unit(writer: Writer) -> bool:
        audit_log.note(writer, None, "name.unblock", f"name {name}")
        return signup_blocks.unblock_name(writer, name)

    if not await app[DATABASE].write(unit):
        raise CommandFailed(f"“{name}” is not blocked.")
    return {"name": name}


async def names(app: web.Application, given: Arguments) -> list[Answer]:
    found_names = await app[DATABASE].read(signup_blocks.names)
    return [{"name": name, "exact": exact} for name, exact in found_names]


DECISIONS: tuple[Action, ...] = ("warn", "freeze", "sensitive", "silence", "suspend")
UNDONE = {"freeze": "unfreeze", **{one: f"un{one}" for one in ("sensitive", "silence", "suspend")}}

COMMANDS: dict[str, Command] = {
    **{f"account {action}": _deciding(action) for action in DECISIONS},
    **{f"account {verb}": _undoing(action) for action, verb in UNDONE.items()},
    "account reject": reject,
    "account delete": erase,
    "account show": show,
    "server block": block,
    "server silence": silence,
    "server limit": limit,
    "server unblock": unblock,
    "server show": show_domain,
    "name block": block_name,
    "name unblock": unblock_name,
    "name list": names,
    "audit": log,
}
