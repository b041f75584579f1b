"""Decisions about other servers: to hear nothing of them, or them more quietly, or less.

The decision and its line in the audit log are one unit; then its people follow, a slice at a time.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from federation.moderation import domain_blocks
from server.i18n.translations import N_
from server.moderation.account_decisions import Moderator
from server.refusals import CannotDecide
from server.settings import types as kinds
from server.settings.settings import Settings
from storage.engine.database import Database
from storage.engine.transaction import Reader, Writer
from storage.moderation import audit_log
from storage.queues import hosts
from storage.queues.hosts import Limit, Tier

TIERS: Mapping[str, Tier | None] = {"noop": None, "silence": "limited", "suspend": "blocked"}
LONGEST_COMMENT = 1000

_NO_NAME = N_("You wrote “%(domain)s”, %(why)s. A server’s name is like garden.example.")
_ENDING = N_("“%(domain)s” is the end of many names, and not one server.")
_OURS = N_("“%(domain)s” would block this server itself.")
_THERE = N_("There is a decision about “%(domain)s” already.")
_NONE = N_("There is no decision about “%(domain)s”.")


@dataclass(frozen=True, slots=True, kw_only=True)
class DomainLimitParams:
    """Limits that are to hold of a server; None leaves one as it is."""

    tier: Tier | None = None
    reject_media: bool | None = None
    reject_reports: bool | None = None
    private_comment: str | None = None
    public_comment: str | None = None
    obfuscate: bool | None = None


_NAMES = ("reject_media", "reject_reports", "private_comment", "public_comment", "obfuscate")


def name_of(settings: Settings, given: str) -> str:
    """Name as it stands in handles and addresses, in ASCII. Raises CannotDecide."""
    try:
        domain = str(kinds.DOMAIN.parse(given))
    except ValueError as error:
        raise CannotDecide(_NO_NAME, domain=given[:100], why=str(error)) from error
    if domain in (*hosts.names_of(settings.domain), *hosts.names_of(settings.web_domain)):
        raise CannotDecide(_OURS, domain=domain)
    return domain


async def put(
    database: Database,
    moderator: Moderator,
    domain: str,
    params: DomainLimitParams,
    *,
    new: bool = False,
) -> int:
    """Decide, or change a decision; return how many known accounts it concerns.

    `new`: raise CannotDecide where there is a decision already.
    """
    await database.write(_put, moderator, domain, params, new)
    return await domain_blocks.put(database, domain, params.tier)


def _put(
    writer: Writer, moderator: Moderator, domain: str, params: DomainLimitParams, new: bool
) -> None:
    known = hosts.limit_of(writer, domain)
    if known is None and "." not in domain and ":" not in domain:
        raise CannotDecide(_ENDING, domain=domain)
    if known is not None and new:
        raise CannotDecide(_THERE, domain=domain)
    limit = known or Limit(id=writer.new_id(), host=domain, tier=None, since=writer.now)
    given = {name: getattr(params, name) for name in _NAMES if getattr(params, name) is not None}
    hosts.put_limit(writer, replace(limit, **given))
    severity = next(name for name, tier in TIERS.items() if tier == params.tier)
    audit_log.note(writer, moderator.actor, f"domain.{severity}", f"host {domain}", **given)


async def lift(database: Database, moderator: Moderator, domain: str) -> int:
    """Lift every limit of a server. Raises CannotDecide where there was none."""
    await database.write(_lift, moderator, domain)
    return await domain_blocks.put(database, domain, None)


def _lift(writer: Writer, moderator: Moderator, domain: str) -> None:
    if not is_judged(writer, domain):
        raise CannotDecide(_NONE, domain=domain)
    hosts.lift_limit(writer, domain)
    audit_log.note(writer, moderator.actor, "domain.lift", f"host {domain}")


def is_judged(reader: Reader, domain: str) -> bool:
    """Whether anything was decided about this very name."""
    known = hosts.get(reader, domain).tier in ("blocked", "limited")
    return known or hosts.limit_of(reader, domain) is not None
