"""Files that members brought: line by line, as each needs another server to answer."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from json import dumps
from typing import Literal, get_args

from orjson import loads

from storage.engine.clock import moment, optional_moment
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Row, Writer

Mode = Literal["merge", "overwrite"]

ImportKind = Literal["follows", "blocks", "mutes", "lists", "bookmarks", "domain_blocks"]

KINDS = ("follows", "blocks", "mutes", "lists", "bookmarks", "domain_blocks")
MODES: tuple[Mode, ...] = get_args(Mode)


@dataclass(frozen=True, slots=True)
class Import:
    """Uploaded file. `due`, `done` and `failed` count its lines."""

    id: int
    account: ActorId
    kind: ImportKind
    mode: Mode
    created_at: datetime
    closed_at: datetime | None
    due: int
    done: int
    failed: int


@dataclass(frozen=True, slots=True)
class Line:
    """Cells of one line, and what became of it."""

    position: int
    cells: tuple[str, ...]
    reason: str | None = None


def add(
    writer: Writer, account: ActorId, kind: ImportKind, mode: Mode, lines: Sequence[Sequence[str]]
) -> int:
    """Return its number."""
    id_ = writer.new_id()
    writer.execute(
        "INSERT INTO imports (id, account, kind, mode, created_at) VALUES (?, ?, ?, ?, ?)",
        id_,
        account,
        kind,
        mode,
        writer.now_ms,
    )
    writer.execute_many(
        "INSERT INTO import_rows (import, position, row) VALUES (?, ?, ?)",
        [(id_, position, dumps(list(cells))) for position, cells in enumerate(lines)],
    )
    return id_


_COUNTED = """
    SELECT im.id, im.account, im.kind, im.mode, im.created_at, im.closed_at,
    (SELECT count(*) FROM import_rows ir WHERE ir.import = im.id AND ir.state = 'due'),
    (SELECT count(*) FROM import_rows ir WHERE ir.import = im.id AND ir.state = 'done'),
    (SELECT count(*) FROM import_rows ir WHERE ir.import = im.id AND ir.state = 'failed')
    FROM imports im
    """


def _from_row(row: Row) -> Import:
    id_, account, kind, mode, created, closed, *counts = row
    return Import(id_, account, kind, mode, moment(created), optional_moment(closed), *counts)


def by_id(reader: Reader, id_: int) -> Import | None:
    row = reader.row(f"{_COUNTED} WHERE im.id = ?", id_)
    return _from_row(row) if row else None


def of_account(reader: Reader, account: ActorId, most: int = 20) -> list[Import]:
    """The latest first."""
    rows = reader.rows(
        f"{_COUNTED} WHERE im.account = ? ORDER BY im.id DESC LIMIT ?", account, most
    )
    return [_from_row(row) for row in rows]


def next_line(reader: Reader, id_: int) -> Line | None:
    row = reader.row(
        "SELECT position, row FROM import_rows WHERE import = ? AND state = 'due'"
        " ORDER BY position LIMIT 1",
        id_,
    )
    return Line(row[0], tuple(loads(row[1]))) if row else None


def lines(reader: Reader, id_: int) -> list[Line]:
    """Lines of an import, all of them, for what an overwriting file does not name."""
    rows = reader.rows(
        "SELECT position, row, reason FROM import_rows WHERE import = ? ORDER BY position", id_
    )
    return [Line(position, tuple(loads(row)), reason) for position, row, reason in rows]


def failed_lines(reader: Reader, account: ActorId, id_: int) -> list[Line]:
    """The lines that could not be carried out, with the reason; only their own file's."""
    rows = reader.rows(
        "SELECT ir.position, ir.row, ir.reason FROM import_rows ir"
        " JOIN imports im ON im.id = ir.import WHERE ir.import = ? AND im.account = ?"
        " AND ir.state = 'failed' ORDER BY ir.position",
        id_,
        account,
    )
    return [Line(position, tuple(loads(row)), reason) for position, row, reason in rows]


def unreachable(reader: Reader, id_: int, ending: str) -> int:
    """Number of lines that failed already because the server with this ending did not answer."""
    count: int = reader.value(
        "SELECT count(*) FROM import_rows WHERE import = ? AND state = 'failed'"
        " AND reason = 'unreachable' AND instr(row, ?) > 0",
        id_,
        ending,
    )
    return count


def settle(writer: Writer, id_: int, position: int, reason: str | None) -> None:
    """Done, or failed for a reason."""
    writer.execute_named(
        "UPDATE import_rows SET state = iif(:reason IS NULL, 'done', 'failed'), reason = :reason"
        " WHERE import = :import AND position = :position",
        {"import": id_, "position": position, "reason": reason},
    )


def close(writer: Writer, id_: int) -> None:
    writer.execute("UPDATE imports SET closed_at = ? WHERE id = ?", writer.now_ms, id_)
