"""Signing up, wherever somebody does it: page, API or command line."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from server.access import account_creation, email_confirmation, passwords
from server.access.account_creation import Newcomer
from server.i18n.form_errors import FormError
from server.i18n.translations import N_
from storage.access import accounts, sessions, signup_blocks
from storage.access.accounts import Account, Role
from storage.access.confirmations import Purpose
from storage.communities import charters
from storage.engine.database import Database
from storage.engine.errors import Conflict
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.people import actors
from storage.people.actors import Actor
from storage.queues import jobs
from storage.queues.job_kinds import SendEmail

# A mailbox without quotes or comments (RFC 5321), at a host by name.
EMAIL = re.compile(
    r"(?!.*=\?)[A-Za-z0-9!#$%&'*+/=?^_`{|}~.-]{1,64}"
    r"@(?=.{1,190}\Z)(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z][A-Za-z0-9-]*"
)
MODES = ("open", "approval", "invitation", "closed")
LONGEST_REASON = 2000


class NotYet(Exception):
    """Refusal of a sign-up as it stands; `form_errors` by field, in the order of the page."""

    def __init__(self, form_errors: Mapping[str, FormError]) -> None:
        super().__init__(" ".join(one.sentence_in() for one in form_errors.values()))
        self.form_errors = dict(form_errors)


@dataclass(frozen=True, slots=True, kw_only=True)
class SignupParams:
    """Fields of a sign-up. `mode` is how this server takes people in; `role` for commands."""

    name: str
    email: str
    password: str = field(repr=False)
    agreed: bool = True
    version: str | None = None  # of the charter that they had before them
    reason: str = ""
    invitation: str = field(default="", repr=False)
    mode: str = "open"
    locale: str = "en"
    role: Role = "member"
    watched: bool = False  # a steward decides, whatever the mode
    confirms: bool = False  # we write to the address first, and wait for a yes
    source: str = ""  # in whose name the password is hashed
    by_moderator: bool = False  # the command line: blocks of names and addresses do not count

    @property
    def waits(self) -> bool:
        """Whether a steward decides."""
        return self.mode == "approval" or self.watched


async def sign_up(database: Database, params: SignupParams) -> Actor:
    """Make the account; pending where an email or a steward comes first. Raises NotYet."""
    form_errors = await database.read(_validate, params)
    if form_errors:
        raise NotYet(form_errors)
    hashed = await passwords.hash_password(params.password, params.source)
    made = await account_creation.make_keys()
    return await database.write(_join, params, hashed, made)


def _validate(reader: Reader, params: SignupParams) -> dict[str, FormError]:
    found: dict[str, FormError] = {}
    if not params.agreed or _has_changed(reader, params.version):
        found["agreement"] = FormError("ERR_ACCEPTED", N_("We need your yes to the charter."))
    if params.mode == "approval" and not params.reason.strip():
        found["reason"] = FormError(
            "ERR_BLANK", N_("Please answer the question, in a sentence or two.")
        )
    name = account_creation.validate_name(reader, params.name)
    if name is not None:
        found["username"] = name
    if not _is_address(params.email):
        found["email"] = FormError("ERR_INVALID", _NO_ADDRESS)
    error = passwords.validate(params.password)
    if error is not None:
        found["password"] = error
    return found if params.by_moderator else {**_validate_blocks(reader, params), **found}


def _validate_blocks(reader: Reader, params: SignupParams) -> dict[str, FormError]:
    """Mistakes for what the stewards do not want to see here: names, providers, addresses."""
    found: dict[str, FormError] = {}
    if signup_blocks.is_name_blocked(reader, params.name):
        found["username"] = FormError("ERR_BLOCKED", _NAME_BLOCKED)
    if email_confirmation.is_blocked(reader, params.email):
        found["email"] = FormError("ERR_BLOCKED", _EMAIL_BLOCKED)
    return found


def change_email(
    writer: Writer, account: ActorId, email: str, *, confirms: bool
) -> FormError | None:
    """Another address for somebody who is in; or why not, without a word about whose it is.

    `confirms`: once the email that goes there is answered.
    """
    if not _is_address(email):
        return FormError("ERR_INVALID", _NO_ADDRESS)
    if email_confirmation.is_blocked(writer, email):
        return FormError("ERR_BLOCKED", _EMAIL_BLOCKED)
    if confirms:
        email_confirmation.ask(writer, account, email, "change")
    elif accounts.has_email(writer, email):
        return FormError("ERR_BLOCKED", _EMAIL_BLOCKED)
    else:
        accounts.set_email(writer, account, email)
    return None


_NO_ADDRESS = N_("An email address looks like bep@post.example.")
_NAME_BLOCKED = N_("That name cannot be had here. Please choose another.")
_EMAIL_BLOCKED = N_("That address cannot be used here. Please give another.")


def _has_changed(reader: Reader, version: str | None) -> bool:
    """Whether the charter in force is another than the one that they said yes to."""
    charter = charters.current(reader, actors.community(reader).id)
    return version is not None and charter is not None and version != str(charter.version)


def _is_address(email: str) -> bool:
    """Emails go there: no control characters in it, seen or unseen (SECURITY 56)."""
    _, _, host = email.rpartition("@")
    return bool(EMAIL.fullmatch(email)) and email.isprintable() and "." in host


def _join(writer: Writer, params: SignupParams, hashed: str, made: account_creation.Keys) -> Actor:
    invited_by = _use_invitation(writer, params)
    newcomer = Newcomer(
        name=params.name,
        email=_email(writer, params),
        password=hashed,
        role=params.role,
        state="pending" if params.waits or params.confirms else "active",
        reason=params.reason.strip()[:LONGEST_REASON] or None,
        invited_by=invited_by,
        locale=params.locale,
        agreed=params.agreed,
    )
    try:
        joined = account_creation.join(writer, newcomer, made)
        if params.confirms:
            purpose: Purpose = "ask" if params.waits else "enter"
            email_confirmation.ask(
                writer, joined.id, params.email, purpose, params.invitation or None
            )
        elif params.waits:
            jobs.plan(writer, SendEmail("asked", joined.id))
        return joined
    except Conflict as taken:
        raise NotYet({_FIELDS[taken.what]: _TAKEN[taken.what]}) from taken


def _email(writer: Writer, params: SignupParams) -> str:
    """Email address to keep; whoever waits does not learn who is a member (SECURITY 71)."""
    if params.confirms:
        return accounts.unconfirmed_address(params.email, writer.new_id())
    if params.waits and accounts.has_email(writer, params.email):
        return accounts.beside(params.email, writer.new_id())
    return params.email


_FIELDS = {"name": "username", "email": "email", "uri": "username"}
_TAKEN = {
    "name": FormError("ERR_TAKEN", N_("That name belongs to somebody already.")),
    "uri": FormError("ERR_TAKEN", N_("That name belongs to somebody already.")),
    "email": FormError("ERR_TAKEN", N_("There is an account with that address already.")),
}


def _use_invitation(writer: Writer, params: SignupParams) -> ActorId | None:
    """Inviter. An invitation that will not do is a mistake only where nobody comes in without."""
    if params.mode != "invitation" and not params.invitation:
        return None
    good, sponsor = sessions.use_invitation(writer, params.invitation)
    if not good and params.mode == "invitation":
        sentence = N_("This invitation was used already, or it has run out. Ask for a new one.")
        raise NotYet({"invite_code": FormError("ERR_INVALID", sentence)})
    return sponsor


def waiting(reader: Reader, *, confirmed: bool = True) -> list[Account]:
    """Accounts waiting for a steward's answer, or still to confirm their address; longest first."""
    pending = accounts.everyone(reader, "pending")
    return [one for one in pending if one.unconfirmed is not confirmed]
