"""Letters about decisions and reports: to whom they concern, and to those who look after things."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from federation.activities.flag import LETTER
from server.access import email_confirmation
from server.i18n.translations import N_, translations
from server.mail import smtp
from server.settings.settings import Settings
from storage.access import accounts
from storage.access.accounts import Account
from storage.engine.clock import Clock
from storage.engine.database import Database
from storage.engine.transaction import Reader, Writer
from storage.moderation import decisions, reports
from storage.people import actors
from storage.queues import jobs
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
    """To one address; `text` in paragraphs."""

    to: str
    subject: str
    text: str


async def send_next(database: Database, settings: Settings, clock: Clock) -> bool:
    """Write the letters of one occasion; return whether there was one."""
    job = await database.read(jobs.next_due, LETTER)
    if job is None:
        return False
    sent = not settings.smtp_host or await _sent(database, settings, clock, job)
    await database.conclude(_close, job, sent)
    return True


async def _sent(database: Database, settings: Settings, clock: Clock, job: Job) -> bool:
    """Whether all letters of the occasion were taken."""
    occasion, number, *_ = job.subject.split()
    if occasion == email_confirmation.OCCASION:
        return await email_confirmation.send(database, settings, clock, int(number))
    if occasion == "welcome":
        newcomer = await database.read(_newcomer, int(number))
        return newcomer is None or await smtp.welcome(settings, clock, *newcomer)
    letters = await database.read(_written, job, settings)
    taken = [await smtp.send(settings, clock, one.to, one.subject, one.text) for one in letters]
    return all(taken)


def _close(writer: Writer, job: Job, sent: bool) -> None:
    """A mail server that is away is tried again a few times, for all letters of the occasion."""
    if sent or job.attempts + 1 >= ATTEMPTS:
        jobs.done(writer, job)
    else:
        jobs.postpone(writer, job, PAUSE, "the mail server did not take it")


def _written(reader: Reader, job: Job, settings: Settings) -> Sequence[Email]:
    occasion, number, *more = job.subject.split()
    match occasion:
        case "report":
            return _of_report(reader, int(number), settings)
        case "asked":
            return _of_request(reader, int(number), settings)
        case "decision":
            return _of_decision(reader, int(number), settings)
        case _:
            return _to_owner(reader, int(number), settings, _UNDONE[more[0]], [])


def _to_owner(
    reader: Reader, account: int, settings: Settings, subject: str, parts: Sequence[str]
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


def _newcomer(reader: Reader, id_: int) -> tuple[Account, str] | None:
    """Who was let in, and how they are called."""
    account, actor = accounts.by_actor(reader, id_), actors.by_id(reader, id_)
    return (account, actor.display_name or actor.name) if account and actor else None


def _of_report(reader: Reader, number: int, settings: Settings) -> list[Email]:
    """To everybody who can decide on it; what was told, and by whom, stays here."""
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


def _of_request(reader: Reader, account: int, settings: Settings) -> list[Email]:
    """Somebody asks to join; what they wrote is read at the desk."""
    known = actors.by_id(reader, account)
    if known is None or known.effective_state != "pending":
        return []
    values = {"handle": f"@{known.name}", "link": f"{settings.web_origin}/desk"}
    return _to_stewards(reader, settings, (_ASKED, _ABOUT), values)


def _to_stewards(
    reader: Reader,
    settings: Settings,
    words: tuple[str, str],
    values: Mapping[str, str],
    but: Sequence[int] = (),
) -> list[Email]:
    """`words`: subject and text, each in the reader's language."""
    letters = []
    for steward in accounts.many(reader, accounts.stewards(reader, at_work=True)).values():
        if steward.actor not in but:
            _ = translations(steward.locale).gettext
            subject = _(words[0]) % {"title": settings.title}
            letters.append(Email(steward.email, subject, _(words[1]) % dict(values)))
    return letters
