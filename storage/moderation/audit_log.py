"""Log of what moderators did: append only, the database itself refuses all else (SECURITY 85)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from json import dumps
from typing import Any

from orjson import loads

from storage.engine.clock import moment
from storage.engine.ids import ActorId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer


@dataclass(frozen=True, slots=True)
class Act:
    """`actor` is None for the command line; `subject` is like "actor 7" or "host evil.example"."""

    id: int
    actor: ActorId | None
    action: str
    subject: str
    detail: Mapping[str, Any]
    at: datetime


def note(
    writer: Writer,
    actor: ActorId | None,
    action: str,
    subject: str,
    **detail: str | int | Sequence[int],
) -> None:
    """Note an act in the unit that does it: what was not noted did not happen."""
    writer.execute(
        "INSERT INTO audit_log (id, actor, action, subject, detail, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        writer.new_id(),
        actor,
        action,
        subject,
        dumps(detail),
        writer.now_ms,
    )


def page_of(reader: Reader, page: Page, subject: str | None = None) -> list[Act]:
    """Newest first; of one subject, or of all."""
    rows = reader.named(
        "SELECT id, actor, action, subject, detail, created_at FROM audit_log"
        " WHERE id < :below AND id > :above AND (:subject IS NULL OR subject = :subject)"
        f" ORDER BY id {page.order} LIMIT :limit",
        {**page.values, "subject": subject},
    )
    found = [Act(i, who, what, on, loads(more), moment(at)) for i, who, what, on, more, at in rows]
    return sorted(found, key=lambda act: -act.id)
