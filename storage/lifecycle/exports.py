"""Archives that members asked for: files that are theirs alone, for some days."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from storage.engine.clock import milliseconds, moment
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Row, Writer

LASTS = timedelta(days=7)


@dataclass(frozen=True, slots=True)
class Export:
    """`file` is its name in the folder, None until it is made; `bytes` its size."""

    id: int
    account: ActorId
    kind: str
    file: str | None
    bytes: int | None
    created_at: datetime
    expires_at: datetime


_COLUMNS = "id, account, kind, file, bytes, created_at, expires_at"


def _from_row(row: Row) -> Export:
    id_, account, kind, file, size, created, expires = row
    return Export(id_, account, kind, file, size, moment(created), moment(expires))


def ask(writer: Writer, account: ActorId, kind: str) -> int:
    """Return its number."""
    id_ = writer.new_id()
    writer.execute(
        "INSERT INTO exports (id, account, kind, created_at, expires_at) VALUES (?, ?, ?, ?, ?)",
        id_,
        account,
        kind,
        writer.now_ms,
        milliseconds(writer.now + LASTS),
    )
    return id_


def ready(writer: Writer, id_: int, file: str, size: int) -> None:
    """Made: it takes the place of those before. Without effect where nobody waits any more."""
    done = writer.execute("UPDATE exports SET file = ?, bytes = ? WHERE id = ?", file, size, id_)
    if done:
        writer.execute_named(
            "DELETE FROM exports WHERE id < :export"
            " AND account = (SELECT account FROM exports WHERE id = :export)",
            {"export": id_},
        )


def by_id(reader: Reader, account: ActorId, id_: int) -> Export | None:
    """Archive by number, only their own (SECURITY 73), and only while it lasts."""
    row = reader.row(
        f"SELECT {_COLUMNS} FROM exports WHERE id = ? AND account = ? AND expires_at > ?",
        id_,
        account,
        reader.now_ms,
    )
    return _from_row(row) if row else None


def of_account(reader: Reader, account: ActorId) -> list[Export]:
    """The latest first."""
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM exports WHERE account = ? AND expires_at > ? ORDER BY id DESC",
        account,
        reader.now_ms,
    )
    return [_from_row(row) for row in rows]


def files(reader: Reader) -> set[str]:
    """The names of all that may still be fetched."""
    rows = reader.rows(
        "SELECT file FROM exports WHERE file IS NOT NULL AND expires_at > ?", reader.now_ms
    )
    return {file for (file,) in rows}


def forget(writer: Writer) -> int:
    """Delete exports whose time is over; return how many."""
    return writer.execute("DELETE FROM exports WHERE expires_at <= ?", writer.now_ms)
