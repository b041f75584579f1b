"""Notes that a member writes about somebody for themselves. Nobody else can notice."""

from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer


def put(writer: Writer, account: ActorId, target: ActorId, comment: str) -> None:
    """An empty one is none."""
    if not comment:
        writer.execute(
            "DELETE FROM account_notes WHERE account = ? AND target = ?", account, target
        )
        return
    writer.execute(
        "INSERT INTO account_notes (account, target, comment) VALUES (?, ?, ?)"
        " ON CONFLICT (account, target) DO UPDATE SET comment = excluded.comment",
        account,
        target,
        comment,
    )


def exists(reader: Reader, account: ActorId, target: ActorId) -> bool:
    row = reader.row(
        "SELECT 1 FROM account_notes WHERE account = ? AND target = ?", account, target
    )
    return row is not None
