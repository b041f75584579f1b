"""Posts for later: what a member asked for, and when; and the files that wait for it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from json import dumps
from typing import NotRequired, TypedDict

from orjson import loads

from storage.engine.clock import milliseconds, moment
from storage.engine.ids import ActorId, PostId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Row, Writer

SCHEDULED = "post scheduled"


class ScheduledPoll(TypedDict):
    """Poll that begins when it is posted; `expires_in` in seconds."""

    options: list[str]
    multiple: bool
    hide_totals: bool
    expires_in: int


class ScheduledPolicies(TypedDict):
    reply: str
    like: str
    announce: str
    quote: str


class ScheduledParams(TypedDict):
    """Params of a post for later, as they lie in the database; `key` makes it one of its kind."""

    text: str
    spoiler: str
    visibility: str
    local_only: bool
    sensitive: bool
    language: str | None
    in_reply_to: PostId | None
    poll: ScheduledPoll | None
    policies: ScheduledPolicies
    media: list[int]
    application: int | None
    expected: NotRequired[list[ActorId] | None]
    key: str


@dataclass(frozen=True, slots=True)
class Scheduled:
    """Post for later; `reason`: it could not be posted, and waits for another time."""

    id: int
    author: ActorId
    due: datetime
    params: ScheduledParams
    reason: str | None = None


_COLUMNS = "id, author, due, wish, reason"


def _from_row(row: Row) -> Scheduled:
    return Scheduled(row[0], row[1], moment(row[2]), loads(row[3]), row[4])


def add(
    writer: Writer, author: ActorId, due: datetime, params: ScheduledParams, media: Sequence[int]
) -> Scheduled:
    """Kept, with the files that are meant for it; they have to be the author's and free."""
    made = Scheduled(writer.new_id(), author, due, params)
    writer.execute(
        "INSERT INTO scheduled_posts (id, author, due, wish) VALUES (?, ?, ?, ?)",
        made.id,
        author,
        milliseconds(due),
        dumps(params),
    )
    writer.execute(
        "UPDATE media SET scheduled = ? WHERE id IN (SELECT value FROM json_each(?))",
        made.id,
        dumps(list(media)),
    )
    writer.after_commit(SCHEDULED, str(made.id))
    return made


def page_of(reader: Reader, author: ActorId, page: Page) -> list[Scheduled]:
    """Newest first."""
    rows = reader.named(
        f"SELECT {_COLUMNS} FROM scheduled_posts WHERE author = :author AND id < :below"
        f" AND id > :above ORDER BY id {page.order} LIMIT :limit",
        {**page.values, "author": author},
    )
    return sorted(map(_from_row, rows), key=lambda one: -one.id)


def one(reader: Reader, author: ActorId, id_: int) -> Scheduled | None:
    """Scheduled post by number; None where it is somebody else's."""
    row = reader.row(
        f"SELECT {_COLUMNS} FROM scheduled_posts WHERE id = ? AND author = ?", id_, author
    )
    return _from_row(row) if row else None


def next_due(reader: Reader) -> Scheduled | None:
    row = reader.row(
        f"SELECT {_COLUMNS} FROM scheduled_posts WHERE reason IS NULL AND due <= ?"
        " ORDER BY due, id LIMIT 1",
        reader.now_ms,
    )
    return _from_row(row) if row else None


def how_many(reader: Reader, author: ActorId, day: datetime) -> tuple[int, int]:
    """Count (all of somebody's, those that are due on that day in UTC)."""
    start = day.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    (of_all, of_day), *_ = reader.rows(
        "SELECT count(*), ifnull(sum(due >= ? AND due < ?), 0) FROM scheduled_posts"
        " WHERE author = ?",
        milliseconds(start),
        milliseconds(start + timedelta(days=1)),
        author,
    )
    return of_all, of_day


def set_due(writer: Writer, id_: int, due: datetime) -> None:
    writer.execute(
        "UPDATE scheduled_posts SET due = ?, reason = NULL WHERE id = ?", milliseconds(due), id_
    )
    writer.after_commit(SCHEDULED, str(id_))


def park(writer: Writer, id_: int, reason: str) -> None:
    """Park a post that cannot be posted; it stays where its author finds it."""
    writer.execute("UPDATE scheduled_posts SET reason = ? WHERE id = ?", reason, id_)


def remove(writer: Writer, id_: int) -> None:
    """Delete a scheduled post; its files hang on nothing from now on."""
    writer.execute(
        "UPDATE media SET scheduled = NULL, created_at = ? WHERE scheduled = ?", writer.now_ms, id_
    )
    writer.execute("DELETE FROM scheduled_posts WHERE id = ?", id_)
