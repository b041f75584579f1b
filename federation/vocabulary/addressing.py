"""Audiences as to and cc, and to and cc as audiences: the one translation both ways."""

from collections.abc import Sequence
from dataclasses import dataclass

from federation.vocabulary.uris import PUBLIC, PUBLIC_ALIASES
from storage.engine.ids import NOBODY
from storage.engine.transaction import Reader
from storage.people import actors
from storage.people.actors import Actor
from storage.posts.audiences import INSTANCE, NAMED, Audience
from storage.posts.audiences import PUBLIC as EVERYBODY
from storage.posts.posts import Post


@dataclass(frozen=True, slots=True)
class Addressed:
    """Audience, whether lists show it, and whether it stays on this server."""

    audience: Audience
    listed: bool = False
    local_only: bool = False


@dataclass(frozen=True, slots=True)
class Addresses:
    """Addressing as AS2 says it."""

    to: tuple[str, ...]
    cc: tuple[str, ...]


def parse(
    reader: Reader, author: Actor, to: Sequence[str], cc: Sequence[str], parent: Post | None
) -> Addressed:
    """Read another server's to and cc: the narrowest reading that its words allow.

    `parent` is what is answered, where the author may see it.
    """
    if PUBLIC_ALIASES.intersection(to):
        return Addressed(EVERYBODY, listed=True)
    if PUBLIC_ALIASES.intersection(cc):
        return Addressed(EVERYBODY)
    named = [*to, *cc]
    if author.followers and author.followers in named:
        return Addressed(Audience("followers", owner=author.id))
    if parent is not None and parent.kind == "followers" and parent.owner is not None:
        owner = actors.by_id(reader, parent.owner)
        if owner is not None and owner.followers in named:
            return Addressed(Audience("followers", owner=owner.id))
    return Addressed(NAMED)


def parse_boost(
    reader: Reader, booster: Actor, to: Sequence[str], cc: Sequence[str], *, silent: bool
) -> Addressed | None:
    """Audience of a boost: everybody, or those who follow; None for anything less.

    Where it says nothing of that (`silent`), it is for those who follow: a boost goes to them by
    its nature. What it says and we cannot read may be anything less.
    """
    if silent:
        return Addressed(Audience("followers", owner=booster.id))
    addressed = parse(reader, booster, to, cc, None)
    return None if addressed.audience == NAMED else addressed


def render(reader: Reader, author: Actor, addressed: Addressed, named: Sequence[str]) -> Addresses:
    """Address a post of ours; `named` are the URIs of those it names."""
    kind = addressed.audience.kind
    own = author.followers or ""
    if kind == "public" and addressed.listed:
        return Addresses((PUBLIC,), (own, *named))
    if kind == "public":
        return Addresses((own,), (PUBLIC, *named))
    if kind == "followers":
        owner = actors.by_id(reader, addressed.audience.owner or NOBODY) or author
        return Addresses((owner.followers or own,), tuple(named))
    return Addresses(tuple(named), ())


# The words of the client API.
VISIBILITIES = ("public", "unlisted", "private", "direct")


def of_visibility(visibility: str, author: Actor) -> Addressed:
    """Audience that a member means by one of Mastodon's visibilities, or by `local`."""
    match visibility:
        case "public":
            return Addressed(EVERYBODY, listed=True)
        case "unlisted":
            return Addressed(EVERYBODY)
        case "private":
            return Addressed(Audience("followers", owner=author.id))
        case "local":
            return restrict_to_instance(Addressed(EVERYBODY, listed=True))
        case _:
            return Addressed(NAMED)


def of_boost(visibility: str, booster: Actor, post: Post) -> Addressed:
    """Audience of a boost by a member: what was for their followers is so when it is boosted.

    Of what they wish for by default, a boost follows what it can: none is for named people only.
    """
    if visibility not in ("public", "unlisted") or post.kind != "public":
        return Addressed(Audience("followers", owner=booster.id))
    return of_visibility(visibility, booster)


def width(addressed: Addressed) -> int:
    """Width of an audience, to be compared."""
    kinds = ("named", "followers", "public")
    kind = addressed.audience.kind
    return (kinds.index(kind) if kind in kinds else 1) * 2 + addressed.listed


def restrict_to_instance(addressed: Addressed) -> Addressed:
    """The same, without leaving this server: what was for everybody is for everybody here."""
    audience = INSTANCE if addressed.audience == EVERYBODY else addressed.audience
    return Addressed(audience, addressed.listed, local_only=True)


def visibility(kind: str, listed: bool) -> str:
    """The nearest of the four visibilities that every client knows."""
    if kind == "public":
        return "public" if listed else "unlisted"
    if kind == "instance":
        return "unlisted"
    return "direct" if kind == "named" else "private"
