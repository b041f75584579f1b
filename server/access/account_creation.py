"""Creation of accounts: the name, the keys, the account, all in one unit."""

import asyncio
import re
from dataclasses import dataclass, replace

from federation.activities import Follow
from federation.outbound import outbox
from federation.transport.keys import KeyPair, make_ed25519, make_rsa
from federation.vocabulary import uris
from server.i18n.form_errors import FormError
from server.i18n.translations import N_
from storage.access import accounts, challenges, confirmations, known_devices, oauth, sessions
from storage.access.accounts import Account, AccountState, Role
from storage.communities import charters
from storage.engine.errors import Conflict
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.people import actors, keys
from storage.people.actors import Actor
from storage.people.keys import Key

LONGEST_NAME = 30
NAME = re.compile(r"[a-z0-9_]+", re.ASCII)

# Handles that a person could mistake for the server itself, or that are addresses of ours.
RESERVED = frozenset(
    (
        "abuse account accounts actor actors about admin administrator api app apps auth autoconfig"
        " care charter community contact contexts desk everyone faq followers following health help"
        " helpdesk home hostmaster inbox info instance invite kith login logout mail mailerdaemon"
        " media mod moderator nobody nodeinfo noreply notifications oauth outbox owner posts"
        " postmaster privacy public root rules security settings signup staff static steward"
        " stewards support sysadmin system tags terms user users webfinger webmaster welcome"
    ).split()
)


@dataclass(frozen=True, slots=True)
class Keys:
    """Made ahead, off the loop: 60 ms for the RSA half."""

    rsa: KeyPair
    ed25519: KeyPair


async def make_keys() -> Keys:
    return await asyncio.to_thread(lambda: Keys(make_rsa(), make_ed25519()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Newcomer:
    """Facts known of somebody who signs up; `password` is a hash."""

    name: str
    email: str
    password: str
    role: Role = "member"
    state: AccountState = "active"
    reason: str | None = None
    invited_by: ActorId | None = None
    locale: str = "en"
    agreed: bool = True


_BLANK = N_("A name is needed: small letters, digits, underscores.")
_STRANGE = N_("A name has small letters, digits and underscores, nothing else.")
_LONG = N_("A name has at most %(most)s letters.")
_KEPT = N_("“%(name)s” is kept for the server itself. Please choose another.")
_TAKEN = N_("“%(name)s” belongs to somebody already.")
_TAKEN_BUT = N_("“%(name)s” belongs to somebody already. “%(free)s” is free.")


def validate_name(reader: Reader, name: str) -> FormError | None:
    """Objection to a handle, if there is one."""
    if not name:
        return FormError("ERR_BLANK", _BLANK)
    if not NAME.fullmatch(name):
        return FormError("ERR_INVALID", _STRANGE)
    if len(name) > LONGEST_NAME:
        return FormError("ERR_TOO_LONG", _LONG, {"most": LONGEST_NAME})
    if name in RESERVED:
        return FormError("ERR_RESERVED", _KEPT, {"name": name})
    if actors.by_handle(reader, name) is not None:
        return _name_taken(reader, name)
    return None


def _name_taken(reader: Reader, name: str) -> FormError:
    for free in (f"{name}_", f"{name}_2", f"the_{name}"):
        if len(free) <= LONGEST_NAME and actors.by_handle(reader, free) is None:
            return FormError("ERR_TAKEN", _TAKEN_BUT, {"name": name, "free": free})
    return FormError("ERR_TAKEN", _TAKEN, {"name": name})


def person(writer: Writer, id_: ActorId, name: str, type_: str = "Person") -> Actor:
    """A new actor of ours, with all its addresses."""
    uri = uris.actor(writer.site, id_)
    return Actor(
        id=id_,
        uri=uri,
        type=type_,
        name=name,
        url=uris.profile_page(writer.site, name),
        inbox=f"{uri}/inbox",
        shared_inbox=uris.shared_inbox(writer.site),
        outbox=f"{uri}/outbox",
        followers=f"{uri}/followers",
        following=f"{uri}/following",
        featured=f"{uri}/featured",
        discoverable=True,
        created_at=writer.now,
    )


def add_keys(writer: Writer, actor: Actor, made: Keys) -> None:
    for suffix, pair in (("main-key", made.rsa), ("ed25519", made.ed25519)):
        uri = f"{actor.uri}#{suffix}"
        keys.add(
            writer, Key(uri, actor.id, pair.algorithm, pair.public_pem, pair.private_pem, None)
        )


def join(writer: Writer, newcomer: Newcomer, made: Keys) -> Actor:
    """Make the account. Raises Conflict("name" or "email"). Active ones join the community."""
    actor = person(writer, ActorId(writer.new_id()), newcomer.name)
    if newcomer.state == "pending":
        actor = replace(
            actor, moderation_state="pending"
        )  # nobody sees them before a steward said yes
    actors.add(writer, actor)
    add_keys(writer, actor, made)
    charter = charters.current(writer, actors.community(writer).id)
    accounts.add(
        writer,
        Account(
            actor=actor.id,
            email=newcomer.email,
            password=newcomer.password,
            role=newcomer.role,
            state=newcomer.state,
            reason=newcomer.reason,
            agreed_to=charter.id if charter and newcomer.agreed else None,
            invited_by=newcomer.invited_by,
            locale=newcomer.locale,
            settings={},
            created_at=writer.now,
        ),
    )
    if charter and newcomer.agreed:
        charters.agree(writer, charter.id, actor.id)
    if newcomer.state == "active":
        enter_community(writer, actor)
    return actor


def enter_community(writer: Writer, actor: Actor) -> None:
    """Every account joins the instance's own community: by following it, as anybody would."""
    community = actors.community(writer)
    follow = Follow(id=outbox.new_uri(writer), actor=actor.uri, target=community.uri)
    outbox.publish(writer, follow)


def approve(writer: Writer, id_: ActorId) -> None:
    """Let in who waits. Raises Conflict("email") where the address belongs to a member already.

    Whoever lets somebody in who has not confirmed their address vouches for it.
    """
    actor, account = actors.by_id(writer, id_), accounts.by_actor(writer, id_)
    if actor is None or account is None:
        raise LookupError(id_)
    if accounts.is_beside(account.email):
        raise Conflict("email")
    if account.unconfirmed:
        accounts.set_email(writer, id_, accounts.address(account.email))
        confirmations.end(writer, id_)
    accounts.set_state(writer, id_, "active")
    actors.set_moderation_state(writer, id_, "active")
    enter_community(writer, actor)


def end_ways_in(writer: Writer, account: ActorId, but: int = 0) -> None:
    """Sessions (but one), log-ins under way, links in emails, every app (SECURITY 68).

    Browsers that are known for guesses of their own, too: who goes on in one knows it anew.
    """
    log_out(writer, account, but=but)
    known_devices.forget_all(writer, account)
    oauth.revoke_all(writer, account)


def log_out(writer: Writer, account: ActorId, but: int = 0) -> None:
    """End sessions as `end_ways_in` does, but apps keep their tokens: they rest in a suspension."""
    challenges.end_all(writer, account)
    sessions.end_all(writer, account, but=but)
    sessions.forget_links(writer, account)
