"""Visibility of posts: the viewers, one SQL predicate, and its twin in memory.

Who asks is a Viewer, and every read of a post takes one: nobody (`Anonymous`), one of ours, another
server as a whole (`Peer`), a steward with a reason that is logged, or the server itself.

`predicate` is the only condition there is. It is put into every statement of `visible_posts`,
`timelines` and whatever else lists or counts, so a post is filtered where it is read and not
afterwards: a page has no gaps, a count tells nothing, and no caller can forget it. `can_see` is its
twin for where no statement can be asked (fan-out inside the unit that writes; streams). Both are
held equal over generated worlds (tests/storage/posts/test_visibility.py); change both or neither.

A post has one audience, chosen when it is written, and may be widened by nobody. Its author sees it
always. Whom the author blocks sees it never, whatever else holds, and is nobody's reason to show it
to their server. Then: `public` all, `instance` and `neighbours` all of ours, `followers` whoever
follows its owner (accepted, now), `members` and `circle` the active members of its collection
(now), `named` those who are named, as they may see any other. `local_only` never leaves this server
and is not shown to visitors, whatever the audience.

A server sees what any one of its people may see. A boost has an audience of its own, which can only
narrow who learns of the boost: what it boosts is still shown by the audience of the post.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from json import dumps
from typing import Any

from storage.engine.ids import NOBODY, ActorId
from storage.posts.audiences import AudienceKind
from storage.queues.hosts import names_of


@dataclass(frozen=True, slots=True)
class Anonymous:
    """Viewer who did not say who they are."""


@dataclass(frozen=True, slots=True)
class Member:
    """Member of ours, logged in."""

    actor: ActorId


@dataclass(frozen=True, slots=True)
class Peer:
    """Another server, by a signature of one of its actors."""

    host: str
    signer: ActorId = NOBODY


@dataclass(frozen=True, slots=True)
class Steward:
    """Member of ours who looks after things, with the reason that goes into the log."""

    actor: ActorId
    reason: str


@dataclass(frozen=True, slots=True)
class System:
    """The server itself, at work."""


Viewer = Anonymous | Member | Peer | Steward | System

# `p` is the post, `w` its author, `a` its audience.
PEOPLE = "JOIN actors w ON w.id = p.author JOIN audiences a ON a.id = p.audience"
FROM = f"posts p {PEOPLE}"

ALIVE = "p.deleted_at IS NULL AND w.effective_state = 'active'"

# The plus: a statement begins with its posts, not with everything that is public.
_ANONYMOUS = "+a.kind = 'public' AND NOT p.local_only"

_MEMBER = """(p.author = :me OR (
    NOT EXISTS (SELECT 1 FROM blocks b WHERE b.actor = p.author AND b.target = :me)
    AND (a.kind IN ('public', 'instance', 'neighbours')
        OR a.owner = :me
        OR EXISTS (SELECT 1 FROM post_recipients r WHERE r.post = p.id AND r.actor = :me)
        OR (a.kind = 'followers' AND EXISTS (SELECT 1 FROM follows f
            WHERE f.follower = :me AND f.target = a.owner AND f.state = 'accepted'))
        OR (a.kind IN ('members', 'circle') AND EXISTS (SELECT 1 FROM collection_members cm
            WHERE cm.collection = a.collection AND cm.actor = :me AND cm.state = 'active')))))"""

# Whom the author blocks is nobody's reason to show their server a post.
_UNBLOCKED = """NOT EXISTS (
                SELECT 1 FROM blocks b WHERE b.actor = p.author AND b.target = x.id)"""

_PEER = f"""(NOT p.local_only AND a.kind <> 'instance'
    AND NOT EXISTS (SELECT 1 FROM hosts h WHERE h.tier = 'blocked'
        AND h.host IN (SELECT value FROM json_each(:names)))
    AND NOT EXISTS (SELECT 1 FROM blocks b WHERE b.actor = p.author AND b.target = :signer)
    AND (a.kind = 'public'
        OR w.host = :host
        OR EXISTS (SELECT 1 FROM post_recipients r JOIN actors x ON x.id = r.actor
            WHERE r.post = p.id AND x.host = :host AND {_UNBLOCKED})
        OR (a.kind = 'followers' AND EXISTS (SELECT 1 FROM follows f
            JOIN actors x ON x.id = f.follower
            WHERE f.target = a.owner AND f.state = 'accepted' AND x.host = :host
                AND {_UNBLOCKED}))
        OR (a.kind IN ('members', 'circle', 'neighbours') AND EXISTS (
            SELECT 1 FROM collection_members cm JOIN actors x ON x.id = cm.actor
            WHERE cm.collection = a.collection AND cm.state = 'active' AND x.host = :host
                AND {_UNBLOCKED}))))"""


# A boost `bo` of a post is for everybody, or for those who follow whoever boosts it. The author of
# the post is told of it in any case.
_BOOSTED_OPENLY = "bo.audience = (SELECT id FROM audiences WHERE kind = 'public')"

_BOOSTED_TO_MEMBER = f"""({_BOOSTED_OPENLY} OR bo.actor = :me
    OR EXISTS (SELECT 1 FROM posts p WHERE p.id = bo.post AND p.author = :me)
    OR EXISTS (SELECT 1 FROM audiences e JOIN follows f ON f.target = e.owner
        WHERE e.id = bo.audience AND f.follower = :me AND f.state = 'accepted'))"""

# Nobody whom the booster blocks gets to know of it.
_BOOSTED_TO_PEER = f"""(NOT EXISTS (SELECT 1 FROM blocks b
        WHERE b.actor = bo.actor AND b.target = :signer) AND ({_BOOSTED_OPENLY}
    OR EXISTS (SELECT 1 FROM actors x WHERE x.host = :host
        AND (x.id = bo.actor OR x.id = (SELECT p.author FROM posts p WHERE p.id = bo.post)))
    OR EXISTS (SELECT 1 FROM audiences e JOIN follows f ON f.target = e.owner
        JOIN actors x ON x.id = f.follower
        WHERE e.id = bo.audience AND f.state = 'accepted' AND x.host = :host
            AND NOT EXISTS (SELECT 1 FROM blocks b
                WHERE b.actor = bo.actor AND b.target = x.id))))"""


def predicate(viewer: Viewer, *, of_boost: bool = False) -> tuple[str, dict[str, Any]]:
    """Return the condition on `p`, `w` and `a`, without ALIVE, and the values it names.

    `of_boost`: that on `bo`, a boost of a post which has its own.
    """
    match viewer:
        case Anonymous():
            return _BOOSTED_OPENLY if of_boost else _ANONYMOUS, {}
        case Member(actor):
            return _BOOSTED_TO_MEMBER if of_boost else _MEMBER, {"me": actor}
        case Peer(host, signer):
            values = {"host": host, "names": dumps(names_of(host)), "signer": signer}
            return _BOOSTED_TO_PEER if of_boost else _PEER, values
        case Steward() | System():
            return "1", {}


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts that the decision rests on, read inside the unit in which the post was written."""

    author: ActorId
    author_host: str
    author_active: bool
    deleted: bool
    kind: AudienceKind
    owner: ActorId | None
    local_only: bool
    recipients: frozenset[ActorId] = frozenset()
    blocked_by_author: frozenset[ActorId] = frozenset()
    followers_of_owner: frozenset[ActorId] = frozenset()
    members: frozenset[ActorId] = frozenset()
    hosts: dict[ActorId, str] = field(default_factory=dict)
    blocked_hosts: frozenset[str] = frozenset()


def can_see(viewer: Viewer, facts: Facts) -> bool:
    """The twin of the predicate (with ALIVE)."""
    if facts.deleted or not facts.author_active:
        return False
    match viewer:
        case Anonymous():
            return facts.kind == "public" and not facts.local_only
        case Member(actor):
            return _member_can(actor, facts)
        case Peer():
            return _peer_can(viewer, facts)
        case Steward() | System():
            return True


def members_who_see(members: Iterable[ActorId], facts: Facts) -> list[ActorId]:
    """Members among these for whom `can_see` holds."""
    if facts.deleted or not facts.author_active:
        return []
    return [one for one in members if _member_can(one, facts)]


def _member_can(me: ActorId, facts: Facts) -> bool:
    if facts.author == me:
        return True
    if me in facts.blocked_by_author:
        return False
    return (
        facts.kind in {"public", "instance", "neighbours"}
        or facts.owner == me
        or me in facts.recipients
        or (facts.kind == "followers" and me in facts.followers_of_owner)
        or (facts.kind in {"members", "circle"} and me in facts.members)
    )


def _peer_can(peer: Peer, facts: Facts) -> bool:
    if facts.local_only or facts.kind == "instance":
        return False
    if peer.signer in facts.blocked_by_author or facts.blocked_hosts.intersection(
        names_of(peer.host)
    ):
        return False

    def there(actors: frozenset[ActorId]) -> bool:
        wanted = actors - facts.blocked_by_author
        return any(facts.hosts.get(actor) == peer.host for actor in wanted)

    return (
        facts.kind == "public"
        or facts.author_host == peer.host
        or there(facts.recipients)
        or (facts.kind == "followers" and there(facts.followers_of_owner))
        or (facts.kind in {"members", "circle", "neighbours"} and there(facts.members))
    )
