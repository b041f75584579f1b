"""Emails by SMTP, through the operator's own server, when one is set."""

import asyncio
import logging
import smtplib
import ssl
from collections.abc import Coroutine
from email import message_from_bytes, policy
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any

from server.i18n.translations import N_, translations
from server.settings.settings import Settings
from storage.access.accounts import Account
from storage.engine.clock import Clock

log = logging.getLogger(__name__)

PATIENCE = 10.0  # seconds for each step, within what a stop of the server waits
_under_way: set[asyncio.Task[None]] = set()


def in_background(work: Coroutine[Any, Any, object]) -> None:
    """Run work that no answer waits for: how long an email takes says whether somebody exists."""
    task = asyncio.create_task(_log_failure(work), name="email")
    _under_way.add(task)  # the loop itself holds tasks only weakly
    task.add_done_callback(_under_way.discard)


async def finish() -> None:
    """Give emails that are being handed over five seconds when the server stops."""
    if not _under_way:
        return
    _, late = await asyncio.wait(_under_way, timeout=PATIENCE / 2)
    for task in late:
        task.cancel()
    await asyncio.gather(*late, return_exceptions=True)


async def _log_failure(work: Coroutine[Any, Any, object]) -> None:
    try:
        await work
    except Exception:
        log.exception("an email was not written")


async def welcome(settings: Settings, clock: Clock, account: Account, name: str) -> bool:
    """The stewards' yes, in the language in which somebody signed up; returns as `send` does."""
    _ = translations(account.locale).gettext
    subject = _(N_("Welcome to %(title)s")) % {"title": settings.title}
    values = {"name": name, "link": f"{settings.web_origin}/login", "domain": settings.domain}
    text = _(_ANSWERED if account.reason else _LET_IN) % values
    return await send(settings, clock, account.email, subject, text)


_ANSWERED = N_(
    "Hello %(name)s,\n\n"
    "The stewards have read what you wrote, and the answer is yes. It is good to have you"
    " here.\n\n"
    "Log in with your name and your password:\n\n%(link)s\n\n"
    "Or use any app made for Mastodon, and give it the address %(domain)s."
)
_LET_IN = N_(
    "Hello %(name)s,\n\n"
    "The stewards let you in. It is good to have you here.\n\n"
    "Log in with your name and your password:\n\n%(link)s\n\n"
    "Or use any app made for Mastodon, and give it the address %(domain)s."
)


async def send(settings: Settings, clock: Clock, to: str, subject: str, text: str) -> bool:
    """Whether it was handed over. Without SMTP nothing is sent; failures are logged, not raised."""
    if not settings.smtp_host:
        return False
    try:
        message = compose(settings, clock, to, subject, text)
    except Exception:
        log.exception("an email could not be written")  # the library has many ways to say so
        return False
    try:
        await asyncio.to_thread(_hand_over, settings, message)
    except (OSError, ValueError, smtplib.SMTPException) as error:
        log.error("an email was not taken by %s: %s", settings.smtp_host, type(error).__name__)
        return False
    return True


def compose(settings: Settings, clock: Clock, to: str, subject: str, text: str) -> EmailMessage:
    """The message; the library refuses line breaks in headers (SECURITY 56).

    Raises ValueError where another address would be read than was given: what is encoded is
    decoded on its way, with its line breaks.
    """
    message = EmailMessage()
    message["From"] = settings.smtp_from or f"noreply@{settings.domain.partition(':')[0]}"
    user, _, domain = to.rpartition("@")
    message["To"] = Address(username=user, domain=domain)
    message["Subject"] = " ".join(subject.split())
    message["Date"] = format_datetime(clock())
    message["Message-ID"] = make_msgid(domain=settings.domain.partition(":")[0])
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    read = message_from_bytes(message.as_bytes(), policy=policy.default)["To"]
    if [one.addr_spec for one in read.addresses] != [to]:
        raise ValueError("not an address")
    return message


def _hand_over(settings: Settings, message: EmailMessage) -> None:
    context = ssl.create_default_context()
    host, port = settings.smtp_host, settings.smtp_port
    if settings.smtp_tls == "tls":
        with smtplib.SMTP_SSL(host, port, timeout=PATIENCE, context=context) as server:
            _speak(server, settings, message)
    else:
        with smtplib.SMTP(host, port, timeout=PATIENCE) as server:
            if settings.smtp_tls == "starttls":
                server.starttls(context=context)
            _speak(server, settings, message)


def _speak(server: smtplib.SMTP, settings: Settings, message: EmailMessage) -> None:
    if settings.smtp_user:
        server.login(settings.smtp_user, settings.smtp_password)
    server.send_message(message)
