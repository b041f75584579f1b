"""Polls. Votes on ours are rows and counted from them; of others', their server says how many."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from json import dumps

from storage.engine.clock import milliseconds, moment, optional_moment
from storage.engine.ids import ActorId, PostId
from storage.engine.transaction import Reader, Writer

POLLED = "polled"


@dataclass(frozen=True, slots=True)
class Option:
    """`votes` is None where its server does not say."""

    title: str
    votes: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Poll:
    """Poll of a post. `voters`: people, None where its server says none; `ours`: counted here."""

    post: PostId
    multiple: bool
    hide_totals: bool = False
    closes_at: datetime | None = None
    closed_at: datetime | None = None
    voters: int | None = None
    ours: bool
    options: tuple[Option, ...]

    def is_over(self, now: datetime) -> bool:
        return self.closed_at is not None or (self.closes_at is not None and self.closes_at <= now)

    @property
    def titles(self) -> list[str]:
        return [option.title for option in self.options]


def add(writer: Writer, poll: Poll) -> None:
    writer.execute(
        "INSERT INTO polls (post, multiple, hide_totals, closes_at, closed_at, voters, fetched_at)"
        " VALUES (?, ?, ?, ?, ?, ?, ?)",
        poll.post,
        poll.multiple,
        poll.hide_totals,
        _to_milliseconds(poll.closes_at),
        _to_milliseconds(poll.closed_at),
        None if poll.ours else poll.voters,
        None if poll.ours else writer.now_ms,
    )
    writer.execute_many(
        "INSERT INTO poll_options (post, position, title, votes) VALUES (?, ?, ?, ?)",
        [
            (poll.post, position, option.title, None if poll.ours else option.votes)
            for position, option in enumerate(poll.options)
        ],
    )


def _to_milliseconds(when: datetime | None) -> int | None:
    return None if when is None else milliseconds(when)


def remove(writer: Writer, post: PostId) -> None:
    """Remove a poll with its options and votes."""
    writer.execute("DELETE FROM polls WHERE post = ?", post)


def reschedule(writer: Writer, poll: Poll) -> None:
    """Write when it closes and whether its figures are hidden; the votes stay."""
    writer.execute(
        "UPDATE polls SET hide_totals = ?, closes_at = ? WHERE post = ?",
        poll.hide_totals,
        _to_milliseconds(poll.closes_at),
        poll.post,
    )


def refresh(writer: Writer, poll: Poll) -> None:
    """Write what the server of somebody else's poll says of it now."""
    writer.execute(
        "UPDATE polls SET closes_at = ?, voters = ?, fetched_at = ? WHERE post = ?"
        " AND fetched_at IS NOT NULL",
        _to_milliseconds(poll.closes_at),
        poll.voters,
        writer.now_ms,
        poll.post,
    )
    writer.execute_many(
        "UPDATE poll_options SET votes = ? WHERE post = ? AND position = ?",
        [(option.votes, poll.post, position) for position, option in enumerate(poll.options)],
    )
    writer.after_commit(POLLED, str(poll.post))


_VOTERS = (
    "iif(pl.fetched_at IS NULL,"
    " (SELECT count(DISTINCT pv.actor) FROM poll_votes pv WHERE pv.post = pl.post), pl.voters)"
)
_VOTES = (
    "iif(pl.fetched_at IS NULL, (SELECT count(*) FROM poll_votes pv"
    " WHERE pv.post = po.post AND pv.position = po.position), po.votes)"
)


def many(reader: Reader, posts: Sequence[PostId]) -> dict[PostId, Poll]:
    """Polls by the number of their posts."""
    wanted = dumps(list(posts))
    options: dict[int, list[Option]] = {}
    for post, title, votes in reader.rows(
        f"SELECT po.post, po.title, {_VOTES} FROM poll_options po"
        " JOIN polls pl ON pl.post = po.post WHERE po.post IN"
        " (SELECT value FROM json_each(?)) ORDER BY po.post, po.position",
        wanted,
    ):
        options.setdefault(post, []).append(Option(title, votes))
    rows = reader.rows(
        f"SELECT pl.post, pl.multiple, pl.hide_totals, pl.closes_at, pl.closed_at, {_VOTERS},"
        " pl.fetched_at IS NULL FROM polls pl WHERE pl.post IN (SELECT value FROM json_each(?))",
        wanted,
    )
    return {
        post: Poll(
            post=post,
            multiple=bool(multiple),
            hide_totals=bool(hidden),
            closes_at=optional_moment(closes),
            closed_at=optional_moment(closed),
            voters=voters,
            ours=bool(ours),
            options=tuple(options.get(post, ())),
        )
        for post, multiple, hidden, closes, closed, voters, ours in rows
    }


def of(reader: Reader, post: PostId) -> Poll | None:
    return many(reader, [post]).get(post)


def votes_of(reader: Reader, actor: ActorId, posts: Sequence[PostId]) -> dict[PostId, list[int]]:
    """Positions of the options that an actor chose, in that order, by post."""
    rows = reader.rows(
        "SELECT post, position FROM poll_votes WHERE post IN (SELECT value FROM json_each(?))"
        " AND actor = ? ORDER BY post, id",
        dumps(list(posts)),
        actor,
    )
    found: dict[PostId, list[int]] = {}
    for post, position in rows:
        found.setdefault(post, []).append(position)
    return found


def vote(writer: Writer, uri: str, poll: Poll, actor: ActorId, position: int) -> bool:
    """Return whether it is new. On somebody else's poll it counts at once, until they say more."""
    first = not votes_of(writer, actor, [poll.post])
    new = writer.execute(
        "INSERT INTO poll_votes (id, uri, post, actor, position, created_at)"
        " VALUES (?, iif(EXISTS (SELECT 1 FROM poll_votes WHERE uri = ?), NULL, ?), ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        writer.new_id(),
        uri,  # an id that somebody else used is no reason not to count
        uri,
        poll.post,
        actor,
        position,
        writer.now_ms,
    )
    if new:
        writer.execute(
            "UPDATE poll_options SET votes = votes + 1 WHERE post = ? AND position = ?",
            poll.post,
            position,
        )
        writer.execute("UPDATE polls SET voters = voters + ? WHERE post = ?", first, poll.post)
        writer.after_commit(POLLED, str(poll.post))
    return bool(new)


def next_due(reader: Reader) -> tuple[PostId, bool] | None:
    """A poll that is over and not closed yet, and whether it is ours."""
    row = reader.row(
        "SELECT post, fetched_at IS NULL FROM polls WHERE closed_at IS NULL"
        " AND closes_at IS NOT NULL AND closes_at <= ? ORDER BY closes_at LIMIT 1",
        reader.now_ms,
    )
    return (row[0], bool(row[1])) if row else None


def close(writer: Writer, post: PostId) -> bool:
    """Return whether it was open."""
    closed = writer.execute(
        "UPDATE polls SET closed_at = ? WHERE post = ? AND closed_at IS NULL", writer.now_ms, post
    )
    if closed:
        writer.after_commit(POLLED, str(post))
    return bool(closed)


def voters_here(reader: Reader, post: PostId) -> list[ActorId]:
    """Members of ours who voted."""
    rows = reader.rows(
        "SELECT DISTINCT pv.actor FROM poll_votes pv JOIN accounts ac ON ac.actor = pv.actor"
        " WHERE pv.post = ?",
        post,
    )
    return [actor for (actor,) in rows]


def fetched_at(reader: Reader, post: PostId) -> datetime | None:
    """Moment when its server last told us of it; None for ours."""
    written = reader.value("SELECT fetched_at FROM polls WHERE post = ?", post)
    return None if written is None else moment(written)


def record_failed_fetch(writer: Writer, post: PostId) -> None:
    """Note that a poll's server did not answer: it is not asked again at once."""
    writer.execute("UPDATE polls SET fetched_at = ? WHERE post = ?", writer.now_ms, post)
