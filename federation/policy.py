"""Who we listen to, and what may be said between whom."""

from federation.activity import Unwanted
from storage import blocks, hosts
from storage.actors import Actor
from storage.units import Reader
from storage.visibility import Member, Peer, Viewer


def viewer_of(actor: Actor) -> Viewer:
    """How an actor sees posts: one of ours as a member, another through their server."""
    return Member(actor.id) if actor.is_local else Peer(actor.host, actor.id)


def hears(reader: Reader, host: str) -> bool:
    """Whether anything from that host is taken in."""
    return not hosts.is_blocked(reader, host)


def ensure_not_blocked(reader: Reader, by: int, who: int) -> None:
    """Raise Unwanted when `by` blocks `who`."""
    if blocks.exists(reader, by, who):
        raise Unwanted("Whom it is for does not want to hear from its author.")
