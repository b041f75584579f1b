"""How somebody signs up, wherever they do it: page, API or command line."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from server import membership, passwords
from server.membership import Newcomer
from server.mistakes import Mistake
from server.translations import N_
from storage import accounts, actors, charters, sessions
from storage.actors import Actor
from storage.database import Database
from storage.errors import Conflict
from storage.units import Reader, Writer

EMAIL = re.compile(r"[^@\s<>\"(),:;\\]{1,64}@[^@\s<>\"(),:;\\]{1,190}")
MODES = ("open", "approval", "invitation", "closed")
LONGEST_REASON = 2000


class NotYet(Exception):
    """Somebody cannot sign up like this; `mistakes` by field, in the order of the page."""

    def __init__(self, mistakes: Mapping[str, Mistake]) -> None:
        super().__init__(" ".join(one.said() for one in mistakes.values()))
        self.mistakes = dict(mistakes)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody typed. `mode` is how this server takes people in; `role` for commands."""

    name: str
    email: str
    password: str = field(repr=False)
    agreed: bool = True
    version: str | None = None  # of the charter that they had before them
    reason: str = ""
    invitation: str = field(default="", repr=False)
    mode: str = "open"
    locale: str = "en"
    role: str = "member"


async def sign_up(database: Database, wish: Wish) -> Actor:
    """Make the account; pending where a steward decides. Raises NotYet."""
    mistakes = await database.read(_mistakes, wish)
    if mistakes:
        raise NotYet(mistakes)
    hashed = await passwords.hashed(wish.password)
    made = await membership.make_keys()
    return await database.write(_join, wish, hashed, made)


def _mistakes(reader: Reader, wish: Wish) -> dict[str, Mistake]:
    found: dict[str, Mistake] = {}
    if not wish.agreed or _has_changed(reader, wish.version):
        found["agreement"] = Mistake("ERR_ACCEPTED", N_("We need your yes to the charter."))
    if wish.mode == "approval" and not wish.reason.strip():
        found["reason"] = Mistake(
            "ERR_BLANK", N_("Please answer the question, in a sentence or two.")
        )
    name = membership.name_objection(reader, wish.name)
    if name is not None:
        found["username"] = name
    if not _is_address(wish.email):
        found["email"] = Mistake("ERR_INVALID", N_("An email address looks like bep@post.example."))
    objection = passwords.objection(wish.password)
    if objection is not None:
        found["password"] = objection
    return found


def _has_changed(reader: Reader, version: str | None) -> bool:
    """Whether the charter in force is another than the one that they said yes to."""
    charter = charters.current(reader, actors.community(reader).id)
    return version is not None and charter is not None and version != str(charter.version)


def _is_address(email: str) -> bool:
    """Letters go there: no control characters in it, seen or unseen (SECURITY 56)."""
    _, _, host = email.rpartition("@")
    return bool(EMAIL.fullmatch(email)) and email.isprintable() and "." in host


def _join(writer: Writer, wish: Wish, hashed: str, made: membership.Keys) -> Actor:
    invited_by = _invited(writer, wish)
    newcomer = Newcomer(
        name=wish.name,
        email=wish.email,
        password=hashed,
        role=wish.role,
        state="pending" if wish.mode == "approval" else "active",
        reason=wish.reason.strip()[:LONGEST_REASON] or None,
        invited_by=invited_by,
        locale=wish.locale,
        agreed=wish.agreed,
    )
    try:
        return membership.join(writer, newcomer, made)
    except Conflict as taken:
        raise NotYet({_FIELDS[taken.what]: _TAKEN[taken.what]}) from taken


_FIELDS = {"name": "username", "email": "email", "uri": "username"}
_TAKEN = {
    "name": Mistake("ERR_TAKEN", N_("That name belongs to somebody already.")),
    "uri": Mistake("ERR_TAKEN", N_("That name belongs to somebody already.")),
    "email": Mistake("ERR_TAKEN", N_("There is an account with that address already.")),
}


def _invited(writer: Writer, wish: Wish) -> int | None:
    """Who invites; an invitation that will not do is a mistake where one is needed."""
    if wish.mode != "invitation":
        return None
    good, sponsor = sessions.use_invitation(writer, wish.invitation)
    if not good:
        sentence = N_("This invitation was used already, or it has run out. Ask for a new one.")
        raise NotYet({"invite_code": Mistake("ERR_INVALID", sentence)})
    return sponsor


def waiting(reader: Reader) -> list[int]:
    """Who waits for a steward's answer."""
    return [account.actor for account in accounts.everyone(reader, "pending")]
