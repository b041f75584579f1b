"""People whom a member shows on their profile."""

from storage.engine.ids import ActorId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer


def add(writer: Writer, actor: ActorId, target: ActorId) -> None:
    writer.execute(
        "INSERT INTO endorsements (id, actor, target) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        writer.new_id(),
        actor,
        target,
    )


def remove(writer: Writer, actor: ActorId, target: ActorId) -> None:
    writer.execute("DELETE FROM endorsements WHERE actor = ? AND target = ?", actor, target)


def exists(reader: Reader, actor: ActorId, target: ActorId) -> bool:
    row = reader.row("SELECT 1 FROM endorsements WHERE actor = ? AND target = ?", actor, target)
    return row is not None


def page_of(reader: Reader, actor: ActorId, page: Page) -> list[tuple[int, ActorId]]:
    """(cursor, endorsed), newest first."""
    rows = reader.named(
        f"""
        SELECT en.id, en.target FROM endorsements en JOIN actors w ON w.id = en.target
        WHERE en.actor = :actor AND en.id < :below AND en.id > :above
        AND w.effective_state = 'active'
        ORDER BY en.id {page.order} LIMIT :limit
        """,
        {**page.values, "actor": actor},
    )
    return sorted(((cursor, target) for cursor, target in rows), reverse=True)
