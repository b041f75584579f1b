"""Activities taken in: a durable queue, and the memory of what we have already heard.

Leases live in memory, since one process owns the file: at start whatever was taken is due again.
A row is closed in the unit that carries it out, so it takes effect at most once.
"""

from dataclasses import dataclass
from datetime import timedelta
from itertools import zip_longest
from json import dumps
from typing import Literal

from storage.engine.clock import milliseconds
from storage.engine.transaction import Reader, Row, Writer

Verdict = Literal["authentic", "hint"]

RECEIVED = "received"


@dataclass(frozen=True, slots=True)
class Received:
    """Activity as it came. `verdict` is authentic or hint; `signer` the URI of who signed.

    `subject` names the relation that it speaks of, if it does: a Follow and its Undo have one.
    `signed_at`, in milliseconds, is what its sender said.
    """

    id: int
    uri: str
    actor: str
    signer: str
    host: str
    type: str
    verdict: Verdict
    body: str
    attempts: int = 0
    subject: str | None = None
    signed_at: int = 0


_COLUMNS = "id, uri, actor, signer, host, type, verdict, body, attempts"

# What says that there is a relation, and what says that there is one no more, or answers one. Each
# is idempotent by itself: what must not happen is that an older word undoes a newer one.
_SAYING = ("Follow", "Like", "Announce", "Block", "Add")
_UNSAYING = ("Undo", "Remove")
_ANSWERING = ("Accept", "Reject")


def keep(writer: Writer, received: Received) -> bool:
    """Return whether it is news. `id` and `attempts` are given here.

    An id is its actor's: what others call by it is another thing (SECURITY 18). One that was heard
    has an effect again only where what it speaks of changed since (SECURITY 6).
    """
    if received.verdict == "authentic":
        _supersede_hint(writer, received)
        if _is_late(writer, received):
            return False
    new = _add(writer, received)
    if not new and _may_be_said_again(writer, received):
        writer.execute(
            "DELETE FROM received WHERE uri = ? AND actor = ?", received.uri, received.actor
        )
        new = _add(writer, received)  # behind what was said since
    if new:
        writer.after_commit(RECEIVED)
    return new


def _add(writer: Writer, received: Received) -> bool:
    new = writer.execute(
        "INSERT INTO received (id, uri, actor, signer, host, type, verdict, body, state, due,"
        " received_at, subject, signed_at) VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'due', ?, ?, ?, ?)"
        " ON CONFLICT (uri, actor) DO NOTHING",
        writer.new_small_id(),
        received.uri,
        received.actor,
        received.signer,
        received.host,
        received.type,
        received.verdict,
        received.body,
        writer.now_ms,
        writer.now_ms,
        received.subject,
        received.signed_at,
    )
    return bool(new)


def _supersede_hint(writer: Writer, received: Received) -> None:
    """Delete what others said they say, unconfirmed: it must not keep their own words out.

    The row goes, so that work begun on it finds nothing to close.
    """
    writer.execute(
        "DELETE FROM received WHERE uri = ? AND actor = ? AND verdict = 'hint'"
        " AND (state <> 'done' OR type <> ?)",
        received.uri,
        received.actor,
        received.type,
    )


def _is_late(reader: Reader, received: Received) -> bool:
    """Whether what it says was taken back by a word that was signed later and came first.

    Who delivers in parallel lets an Undo overtake what it undoes. It names that by its relation, or
    by its id alone, when that was not known yet.
    """
    if received.type not in _SAYING:
        return False
    row = reader.row(
        "SELECT 1 FROM received WHERE actor = ? AND subject IN (?, ?)"
        " AND type IN ('Undo', 'Remove') AND verdict = 'authentic' AND signed_at > ?",
        received.actor,
        received.subject,
        unknown(received.uri),
        received.signed_at,
    )
    return row is not None


def unknown(uri: str) -> str:
    """The subject of a word about an id that was not heard yet."""
    return f"id {uri}"


def _may_be_said_again(reader: Reader, received: Received) -> bool:
    """Whether the relation changed since this was heard: software uses fixed ids.

    What was signed before the newest word about it is late, and no news.
    """
    row = reader.row(
        "SELECT id, subject, state FROM received WHERE uri = ? AND actor = ? AND type = ?"
        " AND state IN ('done', 'due', 'refused')",
        received.uri,
        received.actor,
        received.type,
    )
    if row is None or received.verdict != "authentic":
        return False
    earlier, subject, state = row
    if state == "refused":
        return received.type in (*_SAYING, *_UNSAYING)  # it had no effect, and now it may
    signed_since = _newest_signature_since(reader, received, earlier)
    if signed_since is not None:
        return bool(received.signed_at >= signed_since)
    if state == "due":
        return False  # it waits to be carried out, and nothing was said since
    if received.type in _ANSWERING:
        return bool(received.subject != subject)  # of ours, each question has an id of its own
    return received.type in _SAYING


def _newest_signature_since(reader: Reader, received: Received, earlier: int) -> int | None:
    """Moment at which the newest word about the relation after the row `earlier` was signed."""
    if received.type not in (*_SAYING, *_UNSAYING, *_ANSWERING):
        return None
    signed: int | None = reader.value(
        "SELECT signed_at FROM received WHERE actor = ? AND subject = ? AND id > ?"
        " AND verdict = 'authentic' ORDER BY id DESC LIMIT 1",
        received.actor,
        received.subject,
        earlier,
    )
    return signed


def subject_of(reader: Reader, uri: str, actor: str) -> str | None:
    """Relation that somebody spoke of under an id."""
    subject: str | None = reader.value(
        "SELECT subject FROM received WHERE uri = ? AND actor = ? AND verdict = 'authentic'",
        uri,
        actor,
    )
    return subject


@dataclass(frozen=True, slots=True)
class Skipped:
    """Activities passed over when the next are looked for: those taken, and their actors."""

    ids: tuple[int, ...] = ()
    actors: tuple[str, ...] = ()


HOSTS_AT_ONCE = 16


def next_due(reader: Reader, skipped: Skipped, after: str, most: int) -> list[Received]:
    """The oldest that are due of each host, host by host from the one behind `after`.

    At most a boost of `most` for each, so that what one host sent hides nothing of another's.
    """
    hosts = _waiting(reader, after)
    hosts += [host for host in _waiting(reader, "") if host not in hosts]
    each = max(1, most // max(1, len(hosts)))
    found = (_next_of(reader, host, skipped, each) for host in hosts)
    return [one for turn in zip_longest(*found) for one in turn if one is not None][:most]


def _waiting(reader: Reader, after: str) -> list[str]:
    """Hosts of whom something is due, by name; one step of the index for each."""
    rows = reader.named(
        """
        WITH RECURSIVE waiting (host) AS (
        SELECT min(host) FROM received WHERE state = 'due' AND host > :after UNION ALL
        SELECT (SELECT min(rc.host) FROM received rc
        WHERE rc.state = 'due' AND rc.host > waiting.host)
        FROM waiting WHERE waiting.host IS NOT NULL)
        SELECT host FROM waiting WHERE EXISTS (SELECT 1 FROM received rc
        WHERE rc.state = 'due' AND rc.host = waiting.host AND rc.due <= :now) LIMIT :most
        """,
        {
            "after": after,
            "now": reader.now_ms,
            "most": HOSTS_AT_ONCE,
        },
    )
    return [host for (host,) in rows]


def _next_of(reader: Reader, host: str, skipped: Skipped, most: int) -> list[Received]:
    rows = reader.rows(
        f"SELECT {_COLUMNS} FROM received WHERE state = 'due' AND host = ? AND due <= ?"
        " AND id NOT IN (SELECT value FROM json_each(?))"
        " AND actor NOT IN (SELECT value FROM json_each(?)) ORDER BY due, id LIMIT ?",
        host,
        reader.now_ms,
        dumps(skipped.ids),
        dumps(skipped.actors),
        most,
    )
    return [_from_row(row) for row in rows]


def due_by_host(reader: Reader) -> dict[str, int]:
    """Number of activities that wait to be carried out, of each host."""
    rows = reader.rows("SELECT host, count(*) FROM received WHERE state = 'due' GROUP BY host")
    return dict(rows)


def _from_row(row: Row) -> Received:
    id_, uri, actor, signer, host, type_, verdict, body, attempts = row
    return Received(id_, uri, actor, signer, host, type_, verdict, body or "", attempts)


def is_due(reader: Reader, received: Received) -> bool:
    """Asked inside the unit that carries it out: nobody else has."""
    return (
        reader.row("SELECT 1 FROM received WHERE id = ? AND state = 'due'", received.id) is not None
    )


def close(writer: Writer, received: Received, state: str = "done", reason: str = "") -> None:
    """Finish with it: done and refused forget the words, held and parked keep them."""
    writer.execute_named(
        "UPDATE received SET state = :state, reason = :reason,"
        " body = CASE WHEN :state IN ('held', 'parked') THEN body END WHERE id = :id",
        {"state": state, "reason": reason or None, "id": received.id},
    )


def postpone(writer: Writer, received: Received, pause: timedelta, reason: str) -> None:
    writer.execute(
        "UPDATE received SET due = ?, attempts = attempts + 1, reason = ? WHERE id = ?",
        milliseconds(writer.now + pause),
        reason,
        received.id,
    )


def put_off(writer: Writer, received: Received, pause: timedelta) -> None:
    """There is no room for it now: later, and that is no fault of its own."""
    writer.execute(
        "UPDATE received SET due = ? WHERE id = ?",
        milliseconds(writer.now + pause),
        received.id,
    )


def exists(reader: Reader, uri: str) -> bool:
    return reader.row("SELECT 1 FROM received WHERE uri = ?", uri) is not None


def first_use(writer: Writer, digest: str, until: int) -> bool:
    """Note a signature; return whether it is the first time. `until` in milliseconds."""
    return bool(
        writer.execute(
            "INSERT INTO signatures_seen (digest, until) VALUES (?, ?) ON CONFLICT DO NOTHING",
            digest,
            until,
        )
    )


def depth(reader: Reader) -> dict[str, int]:
    """Number of rows in each state that waits for something."""
    rows = reader.rows(
        # two statements in one: each has an index that holds only what it counts
        "SELECT state, count(*) FROM received WHERE state = 'due' GROUP BY state UNION ALL"
        " SELECT state, count(*) FROM received WHERE state IN ('held', 'parked') GROUP BY state"
    )
    return dict(rows)
