"""Charters of communities: every version, for ever, and who said yes to which."""

from dataclasses import dataclass
from datetime import datetime
from json import dumps, loads

from storage.engine.clock import milliseconds, moment
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Row, Writer


@dataclass(frozen=True, slots=True)
class Commitment:
    """Sentence that all agree on, and what it means."""

    text: str
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Charter:
    """Charter version; `purpose` is plain text in paragraphs, `question` is asked of who joins."""

    id: int
    uri: str
    owner: ActorId
    version: int
    name: str
    purpose: str
    commitments: tuple[Commitment, ...]
    question: str | None
    published_at: datetime
    in_force_at: datetime


_COLUMNS = (
    "id, uri, owner, version, name, purpose, commitments, question, published_at, in_force_at"
)


def _from_row(row: Row) -> Charter:
    id_, uri, owner, version, name, purpose, commitments, question, published, in_force = row
    agreed = tuple(Commitment(one["text"], one.get("hint", "")) for one in loads(commitments))
    return Charter(
        id_,
        uri,
        owner,
        version,
        name,
        purpose,
        agreed,
        question,
        moment(published),
        moment(in_force),
    )


def add(writer: Writer, charter: Charter) -> None:
    writer.execute(
        f"INSERT INTO charters ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        charter.id,
        charter.uri,
        charter.owner,
        charter.version,
        charter.name,
        charter.purpose,
        dumps([{"text": one.text, "hint": one.hint} for one in charter.commitments]),
        charter.question,
        milliseconds(charter.published_at),
        milliseconds(charter.in_force_at),
    )


def current(reader: Reader, owner: ActorId) -> Charter | None:
    row = reader.row(
        f"SELECT {_COLUMNS} FROM charters WHERE owner = ? AND in_force_at <= ?"
        " ORDER BY version DESC LIMIT 1",
        owner,
        reader.now_ms,
    )
    return _from_row(row) if row else None


def agree(writer: Writer, charter: int, actor: ActorId, answer: str = "agree") -> None:
    writer.execute(
        "INSERT INTO consents (charter, actor, answer, given_at) VALUES (?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        charter,
        actor,
        answer,
        writer.now_ms,
    )
