"""How one actor stands to others, in one statement for many."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from json import dumps

from storage.clock import optional_moment
from storage.units import Reader


@dataclass(frozen=True, slots=True)
class Relationship:
    """As seen from the asking member; `target` is the other."""

    target: int
    following: bool
    requested: bool
    reblogs: bool
    notify: bool
    followed_by: bool
    requested_by: bool
    blocking: bool
    blocked_by: bool
    muting: bool
    muting_notifications: bool
    mute_expires_at: datetime | None


def of(reader: Reader, me: int, others: Sequence[int]) -> list[Relationship]:
    rows = reader.named(
        "SELECT v.value, f.state, f.reblogs, f.notify, b.state,"
        " EXISTS (SELECT 1 FROM blocks x WHERE x.actor = :me AND x.target = v.value),"
        " EXISTS (SELECT 1 FROM blocks x WHERE x.actor = v.value AND x.target = :me),"
        " m.id, m.notifications, m.expires_at"
        " FROM json_each(:others) v"
        " LEFT JOIN follows f ON f.follower = :me AND f.target = v.value"
        " LEFT JOIN follows b ON b.follower = v.value AND b.target = :me"
        " LEFT JOIN mutes m ON m.actor = :me AND m.target = v.value"
        " AND (m.expires_at IS NULL OR m.expires_at > :now)",
        {"me": me, "others": dumps(list(others)), "now": reader.now_ms},
    )
    return [
        Relationship(
            target=other,
            following=state == "accepted",
            requested=state == "pending",
            reblogs=state == "accepted" and bool(reblogs),
            notify=state == "accepted" and bool(notify),
            followed_by=back == "accepted",
            requested_by=back == "pending",
            blocking=bool(blocking),
            blocked_by=bool(blocked),
            muting=mute is not None,
            muting_notifications=bool(quiet),
            mute_expires_at=optional_moment(until),
        )
        for other, state, reblogs, notify, back, blocking, blocked, mute, quiet, until in rows
    ]
