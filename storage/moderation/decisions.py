"""Decisions about accounts, and each effect, told apart so that each can be undone."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from json import dumps
from typing import Literal, get_args

from storage.access.accounts import ACCESS
from storage.engine.clock import moment, optional_moment
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Row, Writer
from storage.people.actors import CHANGED

Action = Literal["none", "warn", "freeze", "sensitive", "silence", "suspend"]
ACTIONS: tuple[Action, ...] = get_args(Action)
SILENCED, SILENCED_WITH_SERVER = 1, 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """`moderator` is None for the command line; `text` went to the owner."""

    id: int
    moderator: ActorId | None
    target: ActorId
    action: Action
    text: str = ""
    report: int | None = None
    created_at: datetime
    undone_at: datetime | None = None


_COLUMNS = "id, moderator, target, action, text, report, created_at, undone_at"


def _from_row(row: Row) -> Decision:
    values = dict(zip(Decision.__dataclass_fields__, row, strict=True))
    values["created_at"] = moment(values["created_at"])
    values["undone_at"] = optional_moment(values["undone_at"])
    return Decision(**values)


def add(
    writer: Writer,
    moderator: ActorId | None,
    target: ActorId,
    action: str,
    text: str,
    report: int | None,
) -> int:
    """Return its number, which fits into a notification."""
    id_ = writer.new_small_id()
    writer.execute(
        "INSERT INTO decisions (id, moderator, target, action, text, report, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        id_,
        moderator,
        target,
        action,
        text,
        report,
        writer.now_ms,
    )
    return id_


def by_id(reader: Reader, id_: int) -> Decision | None:
    return many(reader, [id_]).get(id_)


def many(reader: Reader, wanted: Iterable[int]) -> dict[int, Decision]:
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM decisions WHERE id IN (SELECT value FROM json_each(?))",
        dumps(sorted(set(wanted))),
    )
    return {row[0]: _from_row(row) for row in rows}


def about(reader: Reader, target: ActorId, most: int = 40) -> list[Decision]:
    """Newest first."""
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM decisions WHERE target = ? ORDER BY id DESC LIMIT ?", target, most
    )
    return [_from_row(row) for row in rows]


def undo(writer: Writer, moderator: ActorId | None, target: ActorId, action: str) -> None:
    """Note that whatever was decided in that way holds no more."""
    writer.execute(
        "UPDATE decisions SET undone_at = ?, undone_by = ? WHERE target = ? AND action = ?"
        " AND undone_at IS NULL",
        writer.now_ms,
        moderator,
        target,
        action,
    )


# ---- effects ----


def freeze(writer: Writer, account: ActorId, text: str | None) -> None:
    """May read, may not act; `text` is the reason that they are told, None ends it."""
    writer.execute("UPDATE accounts SET frozen = ? WHERE actor = ?", text, account)
    writer.after_commit(ACCESS, str(account))


def set_sensitized(writer: Writer, actor: ActorId, sensitized: bool) -> None:
    """Put whatever they show behind a click, or no more; all their posts read otherwise now."""
    changed = writer.execute_named(
        "UPDATE actors SET sensitized = :sensitized, version = version + 1"
        " WHERE id = :actor AND sensitized <> :sensitized",
        {"sensitized": sensitized, "actor": actor},
    )
    if changed:
        writer.execute("UPDATE posts SET version = version + 1 WHERE author = ?", actor)
        writer.after_commit(CHANGED, str(actor))


def silence(writer: Writer, actor: ActorId, why: int = SILENCED) -> None:
    """Silence somebody; `why` is SILENCED or SILENCED_WITH_SERVER; each ends by itself."""
    changed = writer.execute_named(
        "UPDATE actors SET silenced = silenced | :why, version = version + 1"
        " WHERE id = :actor AND silenced & :why = 0",
        {"why": why, "actor": actor},
    )
    if changed:
        writer.after_commit(CHANGED, str(actor))


def unsilence(writer: Writer, actor: ActorId, why: int = SILENCED) -> None:
    changed = writer.execute_named(
        "UPDATE actors SET silenced = silenced & ~:why, version = version + 1"
        " WHERE id = :actor AND silenced & :why <> 0",
        {"why": why, "actor": actor},
    )
    if changed:
        writer.after_commit(CHANGED, str(actor))
