"""Work for later, one row each: what survives a restart and is tried again when it fails."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from json import dumps
from typing import Any, Generic, TypeVar

from orjson import loads

from storage.engine.clock import milliseconds
from storage.engine.transaction import Reader, Writer
from storage.queues.job_kinds import Payload

PLANNED = "job planned"

# After a failure; what fails once more than there are pauses is parked.
PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 10, 60, 360))


P = TypeVar("P", bound=Payload)


@dataclass(frozen=True, slots=True)
class Job(Generic[P]):
    """Job that is planned (`job_kinds` has every kind); one of each kind and subject."""

    id: int
    kind: type[P]
    subject: str
    detail: Mapping[str, Any]
    attempts: int

    @property
    def payload(self) -> P:
        """Work to be done. Whatever cannot be read raises here, where it is tried and parked."""
        return self.kind.parse(self.subject, self.detail)


def plan(writer: Writer, payload: Payload, due: datetime | None = None) -> None:
    """Plan a job for `due`, or at once. Planned again, the new time and details count.

    Under a new number: whoever is about to finish the earlier one does not finish this.
    """
    writer.execute(
        """
        INSERT INTO jobs (id, kind, subject, detail, due) VALUES (?, ?, ?, ?, ?)
        ON CONFLICT (kind, subject) DO UPDATE
        SET id = excluded.id, detail = excluded.detail, due = excluded.due,
        state = 'due', reason = NULL, attempts = 0
        """,
        writer.new_id(),
        payload.kind,
        payload.subject(),
        dumps(dict(payload.detail())),
        milliseconds(due or writer.now),
    )
    writer.after_commit(PLANNED, payload.kind)


def cancel(writer: Writer, payload: Payload) -> bool:
    """Whether it was planned."""
    gone = writer.execute(
        "DELETE FROM jobs WHERE kind = ? AND subject = ?", payload.kind, payload.subject()
    )
    return bool(gone)


def next_due(reader: Reader, kind: type[P]) -> Job[P] | None:
    """The one of this kind that has been due for longest."""
    return next(iter(due(reader, kind, 1)), None)


def due(reader: Reader, kind: type[P], most: int) -> list[Job[P]]:
    """Jobs of this kind that are due, the longest first."""
    rows = reader.rows(
        "SELECT id, subject, detail, attempts FROM jobs"
        " WHERE state = 'due' AND due <= ? AND kind = ? ORDER BY due, id LIMIT ?",
        reader.now_ms,
        kind.kind,
        most,
    )
    return [Job(id_, kind, subject, loads(detail), n) for id_, subject, detail, n in rows]


def finish(writer: Writer, job: Job[Any]) -> None:
    writer.execute("DELETE FROM jobs WHERE id = ?", job.id)


def postpone(writer: Writer, job: Job[Any], pause: timedelta, reason: str | None = None) -> None:
    """Later; with a reason it failed, which is counted, and without one it waits."""
    writer.execute_named(
        "UPDATE jobs SET due = :due, attempts = attempts + (:reason IS NOT NULL), reason = :reason"
        " WHERE id = :job",
        {"due": milliseconds(writer.now + pause), "reason": reason, "job": job.id},
    )


def to_the_end(writer: Writer, job: Job[Any]) -> None:
    """A part of it is done: others of its kind come first now."""
    writer.execute(
        "UPDATE jobs SET id = ?, due = ?, attempts = 0 WHERE id = ?",
        writer.new_id(),
        writer.now_ms,
        job.id,
    )


def retry_or_park(writer: Writer, job: Job[Any], reason: str) -> bool:
    """Plan a job again that failed in a way nobody foresaw, or park it; return whether parked.

    Not counted where it was meanwhile planned anew.
    """
    known = writer.value("SELECT attempts FROM jobs WHERE id = ?", job.id)
    if known != job.attempts:
        return False
    if known >= len(PAUSES):
        park(writer, job, reason)
        return True
    postpone(writer, job, PAUSES[known], reason)
    return False


def park(writer: Writer, job: Job[Any], reason: str) -> None:
    """Park a job that cannot be done; it stays where an admin finds it."""
    writer.execute("UPDATE jobs SET state = 'parked', reason = ? WHERE id = ?", reason, job.id)


@dataclass(frozen=True, slots=True)
class Parked:
    """Work that always failed, and how it did last."""

    kind: str
    subject: str
    reason: str


def list_parked(reader: Reader, most: int = 100) -> list[Parked]:
    rows = reader.rows(
        "SELECT kind, subject, reason FROM jobs WHERE state = 'parked' ORDER BY id LIMIT ?", most
    )
    return [Parked(*row) for row in rows]


def again(writer: Writer) -> int:
    """Try all that is parked once more. Return how many."""
    kinds = {one.kind for one in list_parked(writer, -1)}
    tried = writer.execute(
        "UPDATE jobs SET state = 'due', due = ?, attempts = 0 WHERE state = 'parked'",
        writer.now_ms,
    )
    for kind in kinds:
        writer.after_commit(PLANNED, kind)
    return tried
