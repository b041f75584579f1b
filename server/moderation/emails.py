"""Emails about decisions and reports: to whom they concern, and to those who look after things."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from server.access import email_confirmation
from server.i18n.translations import N_, translations
from server.mail import smtp
from server.settings.settings import Settings
from storage.access import accounts
from storage.access.accounts import Account
from storage.engine.clock import Clock
from storage.engine.database import Database
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.moderation import decisions, reports
from storage.people import actors
from storage.queues import jobs
from storage.queues.job_kinds import SendEmail, TellModerators
from storage.queues.jobs import Job

PAUSE = timedelta(minutes=10)
ATTEMPTS = 5

_DECIDED = {
    "warn": N_("The stewards of %(title)s have something to tell you"),
    "freeze": N_("Your account at %(title)s is frozen: you can read, but not act"),
    "sensitive": N_("What you post at %(title)s is shown behind a warning now"),
    "silence": N_("At %(title)s you are heard by those who follow you, and by nobody else now"),
    "suspend": N_("Your account at %(title)s is suspended"),
}
_UNDONE = {
    "freeze": N_("You can act at %(title)s again"),
    "sensitive": N_("What you post at %(title)s is shown as you post it again"),
    "silence": N_("At %(title)s everybody hears you again"),
    "suspend": N_("Your account at %(title)s is there again"),
}
_REPORTED = N_("Somebody told the stewards of %(title)s about an account")

_ASKED = N_("Somebody asks to join %(title)s")
_WORDS = N_("The stewards wrote:\n\n%(text)s")
_ANSWER = N_("If you see it otherwise, answer the stewards: %(contact)s")
_FOR_THIRTY_DAYS = N_("It can be taken back for 30 days; after that all you said is deleted.")
_ABOUT = N_("It is about %(handle)s. Read it and decide: %(link)s")


@dataclass(frozen=True, slots=True)
class Email:
    """Email to one address; `text` in paragraphs."""

    to: str
    subject: str
    text: str


async def send_next(database: Database, settings: Settings, clock: Clock) -> bool:
    """Write the emails of one occasion; return whether there was one."""
    job = await database.read(jobs.next_due, SendEmail)
    if job is None:
        return False
    sent = not settings.smtp_host or await _send_all(database, settings, clock, job)
    await database.write_always(_close, job, sent)
    return True


async def _send_all(
    database: Database, settings: Settings, clock: Clock, job: Job[SendEmail]
) -> bool:
    """Whether all emails of the occasion were taken."""
    wanted = job.payload
    if wanted.occasion == "confirm":
        return await email_confirmation.send(database, settings, clock, wanted.account)
    if wanted.occasion == "welcome":
        newcomer = await database.read(_newcomer, wanted.account)
        return newcomer is None or await smtp.welcome(settings, clock, *newcomer)
    written = await database.read(_compose, wanted, settings)
    taken = [await smtp.send(settings, clock, one.to, one.subject, one.text) for one in written]
    return all(taken)


def _close(writer: Writer, job: Job[SendEmail], sent: bool) -> None:
    """A mail server that is away is tried again a few times, for all emails of the occasion."""
    if sent or job.attempts + 1 >= ATTEMPTS:
        jobs.finish(writer, job)
    else:
        jobs.postpone(writer, job, PAUSE, "the mail server did not take it")


async def tell_next(database: Database) -> bool:
    """Have those who look after this place told of a report; return whether there was one."""
    return await database.write_always(_tell_next)


def _tell_next(writer: Writer) -> bool:
    job = jobs.next_due(writer, TellModerators)
    if job is None:
        return False
    jobs.plan(writer, SendEmail("report", job.payload.number))
    jobs.finish(writer, job)
    return True


def _compose(reader: Reader, wanted: SendEmail, settings: Settings) -> Sequence[Email]:
    match wanted.occasion:
        case "report":
            return _of_report(reader, wanted.about, settings)
        case "asked":
            return _of_request(reader, wanted.account, settings)
        case "decision":
            return _of_decision(reader, wanted.about, settings)
        case _:
            return _to_owner(reader, wanted.account, settings, _UNDONE[wanted.action], [])


def _to_owner(
    reader: Reader, account: ActorId, settings: Settings, subject: str, parts: Sequence[str]
) -> list[Email]:
    """`parts` are said already, in the owner's language."""
    owner = accounts.by_actor(reader, account)
    if owner is None or owner.state == "deleted" or owner.unconfirmed:
        return []
    _ = translations(owner.locale).gettext
    said = _(subject) % {"title": settings.title}
    return [Email(owner.email, said, "\n\n".join((f"{said}.", *parts)))]


def _of_decision(reader: Reader, number: int, settings: Settings) -> list[Email]:
    decision = decisions.by_id(reader, number)
    owner = accounts.by_actor(reader, decision.target) if decision else None
    if decision is None or owner is None:
        return []
    _ = translations(owner.locale).gettext
    parts = [_(_WORDS) % {"text": decision.text}] if decision.text else []
    if decision.action == "suspend":
        parts.append(_(_FOR_THIRTY_DAYS))
    if settings.contact_email:
        parts.append(_(_ANSWER) % {"contact": settings.contact_email})
    return _to_owner(reader, decision.target, settings, _DECIDED[decision.action], parts)


def _newcomer(reader: Reader, id_: ActorId) -> tuple[Account, str] | None:
    """Account that was let in, and the name they are called by."""
    account, actor = accounts.by_actor(reader, id_), actors.by_id(reader, id_)
    return (account, actor.display_name or actor.name) if account and actor else None


def _of_report(reader: Reader, number: int, settings: Settings) -> list[Email]:
    """Emails to everybody who can decide on a report; its words, and whose they are, stay here."""
    report = reports.by_id(reader, number)
    target = actors.by_id(reader, report.target) if report else None
    if report is None or target is None:
        return []
    values = {
        "handle": f"@{target.acct}",
        "link": f"{settings.web_origin}/desk/reports/{report.id}",
    }
    but = (report.target, report.reporter)
    return _to_stewards(reader, settings, (_REPORTED, _ABOUT), values, but)


def _of_request(reader: Reader, account: ActorId, settings: Settings) -> list[Email]:
    """Emails about a request to join; what the person wrote is read at the desk."""
    known = actors.by_id(reader, account)
    if known is None or known.effective_state != "pending":
        return []
    values = {"handle": f"@{known.name}", "link": f"{settings.web_origin}/desk"}
    return _to_stewards(reader, settings, (_ASKED, _ABOUT), values)


def _to_stewards(
    reader: Reader,
    settings: Settings,
    sentences: tuple[str, str],
    values: Mapping[str, str],
    but: Sequence[int] = (),
) -> list[Email]:
    """`words`: subject and text, each in the reader's language."""
    written = []
    for steward in accounts.many(reader, accounts.stewards(reader, at_work=True)).values():
        if steward.actor not in but:
            _ = translations(steward.locale).gettext
            subject = _(sentences[0]) % {"title": settings.title}
            written.append(Email(steward.email, subject, _(sentences[1]) % dict(values)))
    return written
