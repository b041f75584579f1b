"""Reports about accounts to those who look after this site, and what came of them."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from json import dumps
from typing import Literal, get_args

from orjson import loads

from storage.engine.clock import milliseconds, moment, optional_moment
from storage.engine.ids import ActorId, PostId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Row, Writer

Category = Literal["spam", "legal", "violation", "other"]
CATEGORIES: tuple[Category, ...] = get_args(Category)


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """`rules` are numbers of commitments of the charter; `posts` are filled in when it is read."""

    id: int
    uri: str
    reporter: ActorId
    target: ActorId
    comment: str = ""
    category: Category = "other"
    rules: tuple[int, ...] = ()
    forwarded: bool = False
    assigned: ActorId | None = None
    acted_by: ActorId | None = None
    created_at: datetime
    updated_at: datetime
    resolved_at: datetime | None = None
    posts: tuple[PostId, ...] = ()


_COLUMNS = (
    "rt.id, rt.uri, rt.reporter, rt.target, rt.comment, rt.category, rt.rules, rt.forwarded,"
    " rt.assigned, rt.acted_by, rt.created_at, rt.updated_at, rt.resolved_at,"
    " (SELECT json_group_array(rp.post) FROM report_posts rp WHERE rp.report = rt.id)"
)


def _from_row(row: Row) -> Report:
    values = dict(zip(Report.__dataclass_fields__, row, strict=True))
    values["rules"] = tuple(loads(values["rules"]))
    values["posts"] = tuple(loads(values["posts"]))
    values["forwarded"] = bool(values["forwarded"])
    values["created_at"] = moment(values["created_at"])
    values["updated_at"] = moment(values["updated_at"])
    values["resolved_at"] = optional_moment(values["resolved_at"])
    return Report(**values)


def add(writer: Writer, report: Report) -> bool:
    """Keep a new one with its posts; return False where its URI is known."""
    new = writer.execute(
        "INSERT INTO reports (id, uri, reporter, target, comment, category, rules, forwarded,"
        " created_at, updated_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
        report.id,
        report.uri,
        report.reporter,
        report.target,
        report.comment,
        report.category,
        dumps(report.rules),
        report.forwarded,
        milliseconds(report.created_at),
        milliseconds(report.updated_at),
    )
    if new:
        writer.execute_many(
            "INSERT OR IGNORE INTO report_posts (report, post) VALUES (?, ?)",
            [(report.id, post) for post in report.posts],
        )
    return bool(new)


def by_id(reader: Reader, id_: int) -> Report | None:
    row = reader.row(f"SELECT {_COLUMNS} FROM reports rt WHERE rt.id = ?", id_)
    return _from_row(row) if row else None


def by_uri(reader: Reader, uri: str) -> Report | None:
    row = reader.row(f"SELECT {_COLUMNS} FROM reports rt WHERE rt.uri = ?", uri)
    return _from_row(row) if row else None


def many(reader: Reader, wanted: Iterable[int]) -> dict[int, Report]:
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM reports rt WHERE rt.id IN (SELECT value FROM json_each(?))",
        dumps(sorted(set(wanted))),
    )
    return {row[0]: _from_row(row) for row in rows}


@dataclass(frozen=True, slots=True)
class Filed:
    """Criteria for reports: settled or not, by and about whom (None: anybody), not about whom."""

    resolved: bool = False
    reporter: ActorId | None = None
    target: ActorId | None = None
    but: int | None = None


def page_of(reader: Reader, filed: Filed, page: Page) -> list[Report]:
    """Newest first."""
    rows = reader.named(
        f"""
        SELECT {_COLUMNS} FROM reports rt WHERE rt.id < :below AND rt.id > :above
        AND (rt.resolved_at IS NOT NULL) = :resolved
        AND (:reporter IS NULL OR rt.reporter = :reporter)
        AND (:target IS NULL OR rt.target = :target)
        AND (:but IS NULL OR rt.target <> :but)
        ORDER BY rt.id {page.order} LIMIT :limit
        """,
        {
            **page.values,
            "resolved": filed.resolved,
            "reporter": filed.reporter,
            "target": filed.target,
            "but": filed.but,
        },
    )
    return sorted((_from_row(row) for row in rows), key=lambda one: -one.id)


def open_from(reader: Reader, host: str) -> int:
    """Number of open reports that came from one server."""
    count: int = reader.value(
        "SELECT count(*) FROM reports rt JOIN actors w ON w.id = rt.reporter"
        " WHERE rt.resolved_at IS NULL AND w.host = ?",
        host,
    )
    return count


def assign(writer: Writer, id_: int, moderator: ActorId | None) -> None:
    writer.execute(
        "UPDATE reports SET assigned = ?, updated_at = ? WHERE id = ?",
        moderator,
        writer.now_ms,
        id_,
    )


def classify(writer: Writer, id_: int, category: str, rules: Sequence[int]) -> None:
    writer.execute(
        "UPDATE reports SET category = ?, rules = ?, updated_at = ? WHERE id = ?",
        category,
        dumps(list(rules)),
        writer.now_ms,
        id_,
    )


def resolve(writer: Writer, id_: int, moderator: ActorId | None) -> None:
    writer.execute_named(
        "UPDATE reports SET resolved_at = :now, acted_by = :moderator, updated_at = :now"
        " WHERE id = :report AND resolved_at IS NULL",
        {"now": writer.now_ms, "moderator": moderator, "report": id_},
    )


def resolve_about(writer: Writer, target: ActorId, moderator: ActorId | None) -> None:
    """Resolve every report that waits about one account: it was decided on."""
    writer.execute_named(
        "UPDATE reports SET resolved_at = :now, acted_by = :moderator, updated_at = :now"
        " WHERE target = :target AND resolved_at IS NULL",
        {"now": writer.now_ms, "moderator": moderator, "target": target},
    )


def reopen(writer: Writer, id_: int) -> None:
    writer.execute(
        "UPDATE reports SET resolved_at = NULL, acted_by = NULL, updated_at = ? WHERE id = ?",
        writer.now_ms,
        id_,
    )
