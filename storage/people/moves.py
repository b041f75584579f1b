"""Moves of accounts: who went where, and what members had arranged about the old one."""

from datetime import datetime

from storage.engine.clock import optional_moment
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.people.actors import CHANGED


def note(writer: Writer, actor: ActorId, target: str | None) -> None:
    """Note that they are elsewhere from now on; None: they came back, which ends no cool-down."""
    writer.execute_named(
        "UPDATE actors SET moved_to = :target, version = version + 1,"
        " moved_at = CASE WHEN :target IS NULL OR moved_to IS :target THEN moved_at ELSE :now END"
        " WHERE id = :actor",
        {"target": target, "now": writer.now_ms, "actor": actor},
    )
    writer.after_commit(CHANGED, str(actor))


def last(reader: Reader, actor: ActorId) -> datetime | None:
    """Moment of the last move."""
    return optional_moment(reader.value("SELECT moved_at FROM actors WHERE id = ?", actor))


def local_blockers(reader: Reader, actor: ActorId) -> list[ActorId]:
    """Members of ours who block somebody."""
    rows = reader.rows(
        "SELECT b.actor FROM blocks b JOIN actors w ON w.id = b.actor"
        " WHERE b.target = ? AND w.host = '' AND w.effective_state = 'active'",
        actor,
    )
    return [blocker for (blocker,) in rows]


def carry(writer: Writer, old: int, new: int) -> None:
    """Mutes, places in lists and notes about the old account are about the new one too."""
    muted = writer.rows(
        "SELECT actor, notifications, expires_at FROM mutes WHERE target = ? AND actor <> ?",
        old,
        new,
    )
    writer.execute_many(
        "INSERT OR IGNORE INTO mutes (id, actor, target, notifications, expires_at, created_at)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        [(writer.new_id(), by, new, quiet, until, writer.now_ms) for by, quiet, until in muted],
    )
    for statement in (
        "INSERT OR IGNORE INTO list_members (list, actor, cursor)"
        " SELECT lm.list, :new, lm.cursor FROM list_members lm JOIN lists li ON li.id = lm.list"
        " WHERE lm.actor = :old AND li.owner <> :new",
        "INSERT OR IGNORE INTO account_notes (account, target, comment)"
        " SELECT account, :new, comment FROM account_notes WHERE target = :old AND account <> :new",
    ):
        writer.execute_named(statement, {"old": old, "new": new})
