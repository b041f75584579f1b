"""Relationships of one actor to others, in one statement for many."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from json import dumps

from orjson import loads

from storage.engine.clock import optional_moment
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Row
from storage.people.hidden_accounts import HOST_NOT_HIDDEN


@dataclass(frozen=True, slots=True)
class Relationship:
    """Relationship as seen from the asking member; `target` is the other."""

    target: ActorId
    following: bool
    requested: bool
    reblogs: bool
    notify: bool
    languages: tuple[str, ...]
    followed_by: bool
    requested_by: bool
    blocking: bool
    blocked_by: bool
    muting: bool
    muting_notifications: bool
    mute_expires_at: datetime | None
    host_blocked: bool
    endorsed: bool
    note: str


_STANDING = f"""
    SELECT j.value, f.state, f.reblogs, f.notify, f.languages, ff.state,
    EXISTS (SELECT 1 FROM blocks b WHERE b.actor = :viewer AND b.target = j.value),
    EXISTS (SELECT 1 FROM blocks b WHERE b.actor = j.value AND b.target = :viewer),
    m.id, m.notifications, m.expires_at, NOT {HOST_NOT_HIDDEN},
    EXISTS (SELECT 1 FROM endorsements en WHERE en.actor = :viewer AND en.target = j.value),
    (SELECT an.comment FROM account_notes an WHERE an.account = :viewer AND an.target = j.value)
    """


def of(reader: Reader, me: ActorId, others: Sequence[ActorId]) -> list[Relationship]:
    rows = reader.named(
        f"""
        {_STANDING} FROM json_each(:others) j LEFT JOIN actors w ON w.id = j.value
        LEFT JOIN follows f ON f.follower = :viewer AND f.target = j.value
        LEFT JOIN follows ff ON ff.follower = j.value AND ff.target = :viewer
        LEFT JOIN mutes m ON m.actor = :viewer AND m.target = j.value
        AND (m.expires_at IS NULL OR m.expires_at > :now)
        """,
        {"viewer": me, "others": dumps(list(others)), "now": reader.now_ms},
    )
    return list(map(_from_row, rows))


def _from_row(row: Row) -> Relationship:
    other, state, reblogs, notify, languages, back, blocking, blocked, *mute = row
    muting, quiet, until, away, endorsed, note = mute
    return Relationship(
        target=other,
        following=state == "accepted",
        requested=state == "pending",
        reblogs=state == "accepted" and bool(reblogs),
        notify=state == "accepted" and bool(notify),
        languages=tuple(loads(languages)) if languages else (),
        followed_by=back == "accepted",
        requested_by=back == "pending",
        blocking=bool(blocking),
        blocked_by=bool(blocked),
        muting=muting is not None,
        muting_notifications=bool(quiet),
        mute_expires_at=optional_moment(until),
        host_blocked=bool(away),
        endorsed=bool(endorsed),
        note=note or "",
    )
