"""Relationships of a member to others, as `Relationship`."""

from collections.abc import Sequence

from server.entities import shapes
from server.entities.shared import optional_when
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader
from storage.people import relationships
from storage.people.relationships import Relationship


def many(reader: Reader, me: ActorId, others: Sequence[ActorId]) -> list[shapes.Relationship]:
    return [_render(one) for one in relationships.of(reader, me, others)]


def _render(one: Relationship) -> shapes.Relationship:
    return {
        "id": str(one.target),
        "following": one.following,
        "showing_reblogs": one.reblogs,
        "notifying": one.notify,
        "languages": list(one.languages),
        "followed_by": one.followed_by,
        "blocking": one.blocking,
        "blocked_by": one.blocked_by,
        "muting": one.muting,
        "muting_notifications": one.muting_notifications,
        "muting_expires_at": optional_when(one.mute_expires_at),
        "requested": one.requested,
        "requested_by": one.requested_by,
        "domain_blocking": one.host_blocked,
        "endorsed": one.endorsed,
        "note": one.note,
    }
