"""Decisions of stewards and admins about accounts: one way for API, pages and commands.

Each is a unit that takes effect, tells the owner, settles reports and writes the audit log at once.
"""

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

from federation.moderation import suspensions
from server.access import account_creation
from server.i18n.translations import N_
from server.refusals import CannotDecide
from storage.access import accounts, signup_blocks
from storage.access.accounts import Account, Role
from storage.engine.database import Database
from storage.engine.errors import Conflict
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.lifecycle import erasure
from storage.moderation import audit_log, decisions, reports
from storage.moderation.decisions import Action
from storage.moderation.reports import Report
from storage.people import actors
from storage.people.actors import Actor
from storage.posts import visible_posts
from storage.posts.visibility import Anonymous, Steward
from storage.queues import jobs
from storage.queues.job_kinds import EndSuspension, SendEmail
from storage.reading import notifications

RANKS = ("member", "steward", "admin")
UNDOABLE = ("freeze", "sensitive", "silence", "suspend")
LONGEST_TEXT = 5000

_NOBODY = N_("There is no such account.")
_OWN = N_("Nobody decides about their own account.")
_RANK = N_("Only somebody with a higher office can decide about this account.")
_REMOTE = N_("Only accounts of this server can be frozen.")
_ALREADY = N_("That holds already.")
_NOT = N_("That is not in force, so it cannot be taken back.")
_WAITS = N_("This account still waits for an answer. Welcome it, or turn it away.")
_ANSWERED = N_("This account waits for no answer.")
_ADDRESS = N_("The address belongs to a member already. Turn this one away, or ask them.")
_FIRST = N_("Suspend the account first. It can be deleted then.")
_CHARACTERS = N_("A text has at most %(most)s characters.")


@dataclass(frozen=True, slots=True)
class Moderator:
    """Member with a role who decides, or the command line (None), which may do everything."""

    actor: ActorId | None = None
    role: Role = "admin"

    @property
    def rank(self) -> int:
        return RANKS.index(self.role)


COMMAND_LINE = Moderator()


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """`text` goes to the owner, in an app and by email; `report` is what led to it."""

    action: Action
    text: str = ""
    report: int | None = None
    email: bool = True


def may_decide(reader: Reader, moderator: Moderator, target: Actor) -> bool:
    """Tell who decides: over members moderators, over stewards admins, over admins the CLI."""
    if moderator.actor is None:
        return True
    account = accounts.by_actor(reader, target.id) if target.is_local else None
    rank = RANKS.index(account.role) if account else 0
    return moderator.rank > rank and moderator.actor != target.id


def ensure_may_settle(reader: Reader, moderator: Moderator, report: Report) -> None:
    """Let only those settle a report who may decide about its target. Raises CannotDecide.

    A report about oneself is not there.
    """
    if report.target == moderator.actor:
        raise CannotDecide(_NOBODY, missing=True)
    target = actors.by_id(reader, report.target)
    if target is not None and not may_decide(reader, moderator, target):
        raise CannotDecide(_RANK)


def _subject(reader: Reader, moderator: Moderator, id_: ActorId) -> tuple[Actor, Account | None]:
    """Account that a decision is about. Raises CannotDecide."""
    target = actors.by_id(reader, id_)
    if target is None or target.type == "Application" or target.effective_state == "deleted":
        raise CannotDecide(_NOBODY, missing=True)
    if moderator.actor == target.id:
        raise CannotDecide(_OWN)
    if not may_decide(reader, moderator, target):
        raise CannotDecide(_RANK)
    return target, accounts.by_actor(reader, id_)


def decide(writer: Writer, moderator: Moderator, id_: ActorId, verdict: Verdict) -> int:
    """Return the decision's number. Raises CannotDecide."""
    target, account = _subject(writer, moderator, id_)
    if target.effective_state == "pending":
        raise CannotDecide(_WAITS)
    if len(verdict.text) > LONGEST_TEXT:
        raise CannotDecide(_CHARACTERS, most=LONGEST_TEXT)
    _ensure_about(writer, id_, verdict.report)
    _take_effect(writer, target, account, verdict)
    number = decisions.add(
        writer, moderator.actor, id_, verdict.action, verdict.text, verdict.report
    )
    _settle(writer, moderator, id_, verdict)
    if account is not None and verdict.action != "none":
        notifications.tell(writer, id_, "moderation_warning", id_, number)
        if verdict.email:
            jobs.plan(writer, SendEmail("decision", number))
    detail: dict[str, str | int] = {"text": verdict.text}
    if verdict.report is not None:
        detail["report"] = verdict.report
    _note(writer, moderator, f"account.{verdict.action}", target, **detail)
    return number


def _ensure_about(reader: Reader, id_: int, number: int | None) -> None:
    """Ensure that the report behind a decision is about the same account. Raises CannotDecide."""
    report = reports.by_id(reader, number) if number is not None else None
    if number is not None and (report is None or report.target != id_):
        raise CannotDecide(_NOBODY, missing=True)


def _take_effect(writer: Writer, target: Actor, account: Account | None, verdict: Verdict) -> None:
    if holds(target, account, verdict.action):
        raise CannotDecide(_ALREADY)
    match verdict.action:
        case "freeze" if account is None:
            raise CannotDecide(_REMOTE)
        case "freeze":
            decisions.freeze(writer, target.id, verdict.text)
        case "sensitive":
            decisions.set_sensitized(writer, target.id, True)
        case "silence":
            decisions.silence(writer, target.id)
        case "suspend":
            account_creation.log_out(writer, target.id)
            suspensions.suspend(writer, target, media_of(writer))


def holds(target: Actor, account: Account | None, action: str) -> bool:
    """Whether a decision of that kind is in force."""
    return {
        "freeze": account is not None and account.frozen is not None,
        "sensitive": target.sensitized,
        "silence": bool(target.silenced & decisions.SILENCED),
        "suspend": target.moderation_state == "suspended",
    }.get(action, False)


def media_of(reader: Reader) -> str:
    """The address of our media folder."""
    return f"{reader.site.origin}/media"


def _settle(writer: Writer, moderator: Moderator, target: ActorId, verdict: Verdict) -> None:
    """The report that led to it; a decision with an effect settles all about that account."""
    if verdict.report is not None:
        reports.resolve(writer, verdict.report, moderator.actor)
    if verdict.action in UNDOABLE:
        reports.resolve_about(writer, target, moderator.actor)


def undo(writer: Writer, moderator: Moderator, id_: ActorId, action: str) -> None:
    """Take back one of UNDOABLE. Raises CannotDecide."""
    target, account = _subject(writer, moderator, id_)
    if not holds(target, account, action):
        raise CannotDecide(_NOT)
    match action:
        case "freeze":
            decisions.freeze(writer, id_, None)
        case "sensitive":
            decisions.set_sensitized(writer, id_, False)
        case "silence":
            decisions.unsilence(writer, id_)
        case "suspend":
            suspensions.restore(writer, target, media_of(writer))
    decisions.undo(writer, moderator.actor, id_, action)
    if account is not None:
        jobs.plan(writer, SendEmail("undone", id_, action))
    _note(writer, moderator, f"account.{action}.undo", target)


def reading(writer: Writer, moderator: Moderator, found: Sequence[Report]) -> Steward:
    """Return who reads the posts of reports, whoever they were for.

    What not everybody may see is noted in the audit log.
    """
    told = [post for report in found for post in report.posts]
    public = visible_posts.many(writer, Anonymous(), told) if told else {}
    private = [post for post in told if post not in public]
    reason = f"report {found[0].id}" if len(found) == 1 else "reports"
    if private:
        audit_log.note(writer, moderator.actor, "report.read", reason, posts=private)
    return Steward(ActorId(moderator.actor or 0), reason)


def enable(writer: Writer, moderator: Moderator, id_: ActorId) -> None:
    """Let somebody act again who was frozen, and log in who was kept out. Raises CannotDecide."""
    target, account = _subject(writer, moderator, id_)
    if account is not None and account.state == "disabled":
        accounts.set_state(
            writer, id_, "pending" if target.effective_state == "pending" else "active"
        )
        _note(writer, moderator, "account.enable", target)
        if account.frozen is None:
            return
    undo(writer, moderator, id_, "freeze")


# ---- who asked to join ----


def approve(writer: Writer, moderator: Moderator, id_: ActorId) -> None:
    """Raises CannotDecide."""
    target, account = _subject(writer, moderator, id_)
    if account is None or account.state != "pending":
        raise CannotDecide(_ANSWERED)
    try:
        account_creation.approve(writer, target.id)
    except Conflict as taken:
        raise CannotDecide(_ADDRESS) from taken
    jobs.plan(writer, SendEmail("welcome", id_))
    _note(writer, moderator, "account.approve", target)


def reject(writer: Writer, moderator: Moderator, id_: ActorId) -> None:
    """Erase a newcomer but for a line in the log; the name is free. Raises CannotDecide."""
    target, account = _subject(writer, moderator, id_)
    if account is None or account.state != "pending":
        raise CannotDecide(_ANSWERED)
    _note(writer, moderator, "account.reject", target, email_hash=_hash(account))
    erasure.forget_pending(writer, id_)


def _hash(account: Account) -> str:
    return signup_blocks.canonical_hash(accounts.address(account.email))


# ---- for good ----


def erase(writer: Writer, moderator: Moderator, id_: ActorId) -> None:
    """Delete somebody suspended, with all they said; the address cannot be used anew.

    Raises CannotDecide.
    """
    target, account = _subject(writer, moderator, id_)
    if target.moderation_state != "suspended":
        raise CannotDecide(_FIRST)
    _note(writer, moderator, "account.delete", target)
    _erase(writer, target, account)


def _erase(writer: Writer, target: Actor, account: Account | None) -> None:
    if account is not None:
        with suppress(Conflict):  # it is there already
            signup_blocks.block_email(writer, hash_=_hash(account))
    if target.is_local:
        suspensions.end(writer, target)
        erasure.close_account(writer, target.id)
    else:
        suspensions.forget(writer, target)


async def end_next_suspension(database: Database) -> bool:
    """Delete who has been suspended for as long as it could be taken back; was there anybody."""
    return await database.write_always(_end_next)


def _end_next(writer: Writer) -> bool:
    job = jobs.next_due(writer, EndSuspension)
    if job is None:
        return False
    target = actors.by_id(writer, job.payload.actor)
    if target is not None and target.effective_state == "suspended":
        _note(writer, COMMAND_LINE, "account.delete", target, why="suspended for 30 days")
        _erase(writer, target, accounts.by_actor(writer, target.id))
    jobs.finish(writer, job)
    return True


def _note(
    writer: Writer, moderator: Moderator, action: str, target: Actor, **detail: str | int
) -> None:
    audit_log.note(
        writer, moderator.actor, action, f"actor {target.id}", acct=target.acct, **detail
    )
