"""Entities for stewards only: `Admin::Account`, `Admin::Report` and the rest."""

from collections.abc import Iterable, Sequence
from hashlib import sha256

from server.entities import account as account_entity
from server.entities import shapes
from server.entities import status as status_entity
from server.entities.json_parts import Rendered
from server.entities.shared import number, optional_when, when
from storage.access import accounts
from storage.access.accounts import Account
from storage.access.signup_blocks import EmailBlock, NetworkBlock
from storage.communities import charters
from storage.engine.ids import NOBODY, ActorId, PostId
from storage.engine.transaction import Reader
from storage.moderation.reports import Report
from storage.people import actors
from storage.people.actors import Actor
from storage.posts.visibility import Steward, Viewer
from storage.queues.hosts import Limit

SEVERITIES = {"blocked": "suspend", "limited": "silence"}


def people(reader: Reader, wanted: Iterable[ActorId]) -> dict[ActorId, shapes.AdminAccount]:
    """`Admin::Account` by number, in a fixed number of statements."""
    found = actors.many(reader, wanted)
    shown = account_entity.render(reader, list(found.values()))
    logins = accounts.many(reader, found)
    return {id_: _person(actor, logins.get(id_), shown[id_]) for id_, actor in found.items()}


def person(reader: Reader, id_: ActorId) -> shapes.AdminAccount:
    return people(reader, [id_])[id_]


def _person(actor: Actor, login: Account | None, shown: shapes.Account) -> shapes.AdminAccount:
    return {
        "id": str(actor.id),
        "username": actor.name,
        "domain": actor.domain or None,
        "created_at": when(actor.created_at),
        "email": accounts.address(login.email) if login else "",
        "ip": None,
        "ips": [],
        "locale": login.locale if login else "",
        "invite_request": login.reason if login else None,
        "role": account_entity.role(login.role if login else "member"),
        "confirmed": login is not None and not login.unconfirmed,
        "approved": login is not None and login.state != "pending",
        "disabled": bool(login and (login.state == "disabled" or login.frozen is not None)),
        "silenced": bool(actor.silenced),
        "suspended": actor.effective_state == "suspended",
        "sensitized": actor.sensitized,
        "account": shown,
        "created_by_application_id": None,
        "invited_by_account_id": number(login.invited_by) if login else None,
    }


def reports(reader: Reader, viewer: Steward, found: Sequence[Report]) -> list[shapes.AdminReport]:
    """`Admin::Report` with its posts as a steward sees them: without those deleted meanwhile."""
    wanted = {
        id_
        for report in found
        for id_ in (report.reporter, report.target, report.assigned, report.acted_by)
        if id_ is not None
    }
    known, rules = people(reader, wanted), _rules(reader)
    posts = [post for report in found for post in report.posts]
    shown = statuses(reader, viewer, posts)
    return [_report(report, known, shown, rules) for report in found]


def statuses(reader: Reader, viewer: Viewer, wanted: Sequence[PostId]) -> dict[PostId, Rendered]:
    return dict(status_entity.by_number(reader, viewer, wanted))


def _rules(reader: Reader) -> dict[int, shapes.Rule]:
    charter = charters.current(reader, actors.community(reader).id)
    agreed = charter.commitments if charter else ()
    return {
        number_: {"id": str(number_), "text": one.text, "hint": one.hint}
        for number_, one in enumerate(agreed, start=1)
    }


def _report(
    report: Report,
    known: dict[ActorId, shapes.AdminAccount],
    shown: dict[PostId, Rendered],
    rules: dict[int, shapes.Rule],
) -> shapes.AdminReport:
    return {
        "id": str(report.id),
        "action_taken": report.resolved_at is not None,
        "action_taken_at": optional_when(report.resolved_at),
        "category": report.category,
        "comment": report.comment,
        "forwarded": report.forwarded,
        "created_at": when(report.created_at),
        "updated_at": when(report.updated_at),
        "account": known[report.reporter],
        "target_account": known[report.target],
        "assigned_account": known.get(report.assigned or NOBODY),
        "action_taken_by_account": known.get(report.acted_by or NOBODY),
        "statuses": [shown[post] for post in report.posts if post in shown],
        "rules": [rules[rule] for rule in report.rules if rule in rules],
    }


def domain_block(limit: Limit) -> shapes.AdminDomainBlock:
    return {
        "id": str(limit.id),
        "domain": limit.host,
        "digest": sha256(limit.host.encode()).hexdigest(),
        "created_at": when(limit.since),
        "severity": SEVERITIES.get(limit.tier or "", "noop"),
        "reject_media": limit.reject_media,
        "reject_reports": limit.reject_reports,
        "private_comment": limit.private_comment,
        "public_comment": limit.public_comment,
        "obfuscate": limit.obfuscate,
    }


def email_domain_block(block: EmailBlock) -> shapes.AdminEmailDomainBlock:
    """Block of a provider; how often it was tried is not counted here."""
    return {
        "id": str(block.id),
        "domain": block.domain,
        "created_at": when(block.created_at),
        "history": [],
    }


def canonical_email_block(block: EmailBlock) -> shapes.AdminCanonicalEmailBlock:
    return {"id": str(block.id), "canonical_email_hash": block.hash}


def ip_block(block: NetworkBlock) -> shapes.AdminIpBlock:
    return {
        "id": str(block.id),
        "ip": block.network,
        "severity": block.severity,
        "comment": block.comment,
        "created_at": when(block.created_at),
        "expires_at": optional_when(block.expires_at),
    }
