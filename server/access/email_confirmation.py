"""Proof of whose an email address is: an email goes there, and only who opens its link goes on.

So nobody learns from us whose address is known (SECURITY 71): the answer to a sign-up is the same,
and the email tells its owner.
"""

from dataclasses import dataclass
from datetime import timedelta

from server.access import account_creation
from server.i18n.translations import N_, translations
from server.mail import smtp
from server.settings.settings import Settings
from storage.access import accounts, confirmations, signup_blocks
from storage.access.accounts import Account
from storage.access.confirmations import Confirmation, Purpose
from storage.engine import ids
from storage.engine.clock import Clock
from storage.engine.database import Database
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.people import actors
from storage.queues import hosts, jobs
from storage.queues.job_kinds import SendEmail

PAGE = "/confirm"
PAUSE = timedelta(minutes=10)  # between two emails
MOST = 3  # emails for one confirmation
MOST_A_DAY = 5  # to one mailbox

_SUBJECT = N_("Is this your address? %(title)s asks")
_ENTER = N_(
    "Hello %(name)s,\n\n"
    "somebody, probably you, signed up at %(title)s with this address. Open this page and say"
    " yes:\n\n%(link)s\n\n"
    "It is good for three days. If it was not you, do nothing, and it is forgotten."
)
_CHANGE = N_(
    "Hello %(name)s,\n\n"
    "from now on your letters from %(title)s are to go to this address. Open this page and say"
    " yes:\n\n%(link)s\n\n"
    "It is good for three days. If it was not you, do nothing, and it is forgotten."
)
_KNOWN_SUBJECT = N_("You have an account at %(title)s already")
_KNOWN = N_(
    "Somebody, perhaps you, gave this address at %(title)s. It belongs to your account"
    " %(handle)s.\n\n"
    "Log in with your name and your password:\n\n%(link)s\n\n"
    "If you do not remember the password, choose a new one there. If it was not you, do nothing."
)


@dataclass(frozen=True, slots=True)
class _Email:
    """`owner`: to whom the address belongs already."""

    waiting: Confirmation
    account: Account
    name: str
    owner: tuple[Account, str] | None = None


def ask(
    writer: Writer, account: ActorId, email: str, purpose: Purpose, invitation: str | None = None
) -> None:
    """Write to the address, and wait."""
    confirmations.begin(writer, account, email, purpose, invitation)
    jobs.plan(writer, SendEmail("confirm", account))


def ask_again(writer: Writer, account: ActorId) -> None:
    """Send one more email to somebody who waits for theirs: not at once, and not endlessly many."""
    waiting = confirmations.of_account(writer, account)
    if waiting is None or waiting.emails >= MOST:
        return
    if waiting.sent_at is None or writer.now - waiting.sent_at >= PAUSE:
        jobs.plan(writer, SendEmail("confirm", account))


def is_blocked(reader: Reader, email: str) -> bool:
    """Whether the stewards want nobody with that address, or of that provider."""
    provider = hosts.names_of(email.rpartition("@")[2].lower().rstrip("."))
    return signup_blocks.is_email_blocked(reader, email, provider)


async def send(database: Database, settings: Settings, clock: Clock, account: ActorId) -> bool:
    """Write the email; True when nothing is left to do."""
    secret = ids.secret()
    issued = await database.write_always(_issue, account, secret)
    if issued is None:
        return True
    if issued.owner is not None:
        return await _tell_owner(settings, clock, *issued.owner)
    _ = translations(issued.account.locale).gettext
    values = {
        "name": issued.name,
        "title": settings.title,
        "link": f"{settings.web_origin}{PAGE}?token={secret}",
    }
    template = _CHANGE if issued.waiting.purpose == "change" else _ENTER
    subject, text = _(_SUBJECT) % values, _(template) % values
    return await smtp.send(settings, clock, issued.waiting.email, subject, text)


def _issue(writer: Writer, id_: ActorId, secret: str) -> _Email | None:
    waiting, account = confirmations.of_account(writer, id_), accounts.by_actor(writer, id_)
    if waiting is None or account is None or not _may_be(writer, waiting, account):
        return None
    if confirmations.count_sent_today(writer, waiting.email) >= MOST_A_DAY:
        return None
    confirmations.issue(writer, id_, secret)
    owner = accounts.by_email(writer, waiting.email)
    known = (owner, _name(writer, owner)) if owner and owner.actor != id_ else None
    return _Email(waiting, account, _name(writer, account), known)


def _may_be(reader: Reader, waiting: Confirmation, account: Account) -> bool:
    """Whether it may still become true, after all that was decided meanwhile."""
    name = _name(reader, account)
    if waiting.purpose == "change":
        return account.state == "active" and not is_blocked(reader, waiting.email)
    blocked = signup_blocks.is_name_blocked(reader, name) or is_blocked(reader, waiting.email)
    return account.state == "pending" and not blocked


def _name(reader: Reader, account: Account) -> str:
    actor = actors.by_id(reader, account.actor)
    return actor.name if actor else ""


async def _tell_owner(settings: Settings, clock: Clock, owner: Account, name: str) -> bool:
    _ = translations(owner.locale).gettext
    values = {
        "title": settings.title,
        "handle": f"@{name}@{settings.domain}",
        "link": f"{settings.web_origin}/login",
    }
    text = _(_KNOWN) % values
    return await smtp.send(settings, clock, owner.email, _(_KNOWN_SUBJECT) % values, text)


def confirm(writer: Writer, secret: str) -> Confirmation | None:
    """Confirm an address by its link, on a yes; None when the link is good for nothing any more."""
    waiting = confirmations.by_secret(writer, secret)
    account = accounts.by_actor(writer, waiting.account) if waiting else None
    if waiting is None or account is None or not _may_be(writer, waiting, account):
        return None
    owner = accounts.by_email(writer, waiting.email)
    if owner is not None and owner.actor != account.actor:
        return None
    accounts.set_email(writer, account.actor, waiting.email)
    confirmations.end(writer, account.actor)
    if waiting.purpose == "enter":
        account_creation.approve(writer, account.actor)
    elif waiting.purpose == "ask":
        jobs.plan(writer, SendEmail("asked", account.actor))
    return waiting
