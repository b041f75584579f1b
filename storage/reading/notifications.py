"""Notifications that came for a member."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from json import dumps

from storage.engine.clock import moment
from storage.engine.ids import ActorId, PostId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Row, Writer
from storage.people import hidden_accounts
from storage.people.hidden_accounts import TOLD
from storage.posts.visibility import ALIVE, PEOPLE, Member, predicate

NOTIFIED = "notified"
DECIDED = ("follow_request",)  # what waits for the member: they are told whoever asks


@dataclass(frozen=True, slots=True)
class Notification:
    """`type` in the words of the client API; `actor` did it; `post` is about what, if anything.

    `about` numbers the report or the decision that it tells of.
    """

    id: int
    account: ActorId
    type: str
    actor: ActorId
    post: PostId | None
    created_at: datetime
    about: int | None = None


@dataclass(frozen=True, slots=True)
class NotificationFilter:
    """Filter: only these types (none given: all), not those, only from this actor."""

    types: Sequence[str] = ()
    not_types: Sequence[str] = ()
    actor: ActorId | None = None


def add(
    writer: Writer, account: ActorId, type_: str, actor: ActorId, post: PostId | None = None
) -> None:
    """Tell a member of ours, unless they did it themselves, block or mute who did, or were told.

    That their own poll is over is news to its author, too.
    """
    own = account == actor and type_ != "poll"
    if own or not _wants(writer, account, actor) or _is_muted(writer, account, post):
        return
    if type_ not in DECIDED and _is_limited(writer, account, actor):
        return
    new = writer.execute(
        "INSERT INTO notifications (id, account, type, actor, post, created_at)"
        " SELECT ?, ac.actor, ?, ?, ?, ? FROM accounts ac"
        " WHERE ac.actor = ? AND ac.state = 'active' ON CONFLICT DO NOTHING",
        writer.new_small_id(),
        type_,
        actor,
        post,
        writer.now_ms,
        account,
    )
    if new:
        writer.after_commit(NOTIFIED, str(account))


def tell(writer: Writer, account: ActorId, type_: str, actor: ActorId, about: int) -> None:
    """Tell what a role asks of them, or was decided about them: whomever they block or mute."""
    new = writer.execute(
        "INSERT INTO notifications (id, account, type, actor, about, created_at)"
        " SELECT ?, ac.actor, ?, ?, ?, ? FROM accounts ac"
        " WHERE ac.actor = ? AND ac.state = 'active' ON CONFLICT DO NOTHING",
        writer.new_small_id(),
        type_,
        actor,
        about,
        writer.now_ms,
        account,
    )
    if new:
        writer.after_commit(NOTIFIED, str(account))


def _wants(reader: Reader, account: ActorId, actor: ActorId) -> bool:
    return not reader.named(
        "SELECT 1 WHERE EXISTS (SELECT 1 FROM blocks WHERE actor = :account AND target = :actor)"
        " OR EXISTS (SELECT 1 FROM mutes WHERE actor = :account AND target = :actor"
        " AND notifications AND (expires_at IS NULL OR expires_at > :now))",
        {"account": account, "actor": actor, "now": reader.now_ms},
    ) and not hidden_accounts.is_host_hidden(reader, account, actor)


def _is_limited(reader: Reader, account: ActorId, actor: ActorId) -> bool:
    """Whether moderators limited who did it, and the member does not follow them."""
    row = reader.row(
        "SELECT 1 FROM actors WHERE id = ? AND silenced AND NOT EXISTS"
        " (SELECT 1 FROM follows WHERE follower = ? AND target = ? AND state = 'accepted')",
        actor,
        account,
        actor,
    )
    return row is not None


def _is_muted(reader: Reader, account: ActorId, post: PostId | None) -> bool:
    """Whether they want to hear no more of the thread."""
    return post is not None and bool(
        reader.row(
            "SELECT 1 FROM posts p JOIN thread_mutes tm ON tm.root = p.root"
            " WHERE p.id = ? AND tm.account = ?",
            post,
            account,
        )
    )


def withdraw(
    writer: Writer, account: ActorId, type_: str, actor: ActorId, post: PostId | None
) -> None:
    """Withdraw a notification: what it told of was undone."""
    writer.execute(
        "DELETE FROM notifications WHERE account = ? AND type = ? AND actor = ? AND post IS ?",
        account,
        type_,
        actor,
        post,
    )


# What a role is told is for who holds one now, and for nobody who once did.
_OF_MODERATORS = (
    "(n.type NOT GLOB 'admin.*' OR EXISTS (SELECT 1 FROM accounts ac WHERE ac.actor = n.account"
    " AND ac.role IN ('admin', 'steward') AND ac.frozen IS NULL))"
)


def page_of(
    reader: Reader, account: ActorId, page: Page, wanted: NotificationFilter
) -> list[Notification]:
    """Notifications whose post, if they are about one, the member may still see."""
    may, values = predicate(Member(account))
    rows = reader.named(
        f"""
        SELECT {_COLUMNS} FROM notifications n JOIN actors w ON w.id = n.actor
        WHERE n.account = :me AND n.id < :below AND n.id > :above AND w.effective_state = 'active'
        AND (n.about IS NOT NULL OR {TOLD}) AND {_OF_MODERATORS}
        AND (:all OR n.type IN (SELECT value FROM json_each(:types)))
        AND n.type NOT IN (SELECT value FROM json_each(:not_types))
        AND (:actor IS NULL OR n.actor = :actor)
        AND (n.post IS NULL OR EXISTS (SELECT 1 FROM posts p {PEOPLE} WHERE p.id = n.post
        AND {ALIVE} AND {may})) ORDER BY n.id {page.order} LIMIT :limit
        """,
        {
            **page.values,
            **values,
            "me": account,
            "viewer": account,
            "now": reader.now_ms,
            "all": not wanted.types,
            "types": dumps(list(wanted.types)),
            "not_types": dumps(list(wanted.not_types)),
            "actor": wanted.actor,
        },
    )
    return sorted((_from_row(row) for row in rows), key=lambda one: -one.id)


_COLUMNS = "n.id, n.account, n.type, n.actor, n.post, n.created_at, n.about"


def _from_row(row: Row) -> Notification:
    id_, account, type_, actor, post, created, about = row
    return Notification(id_, account, type_, actor, post, moment(created), about)


def by_id(reader: Reader, account: ActorId, id_: int) -> Notification | None:
    found = page_of(
        reader, account, Page(1, max_id=id_ + 1, since_id=id_ - 1), NotificationFilter()
    )
    return found[0] if found else None


def dismiss(writer: Writer, account: ActorId, id_: int) -> bool:
    return bool(
        writer.execute("DELETE FROM notifications WHERE account = ? AND id = ?", account, id_)
    )


def clear(writer: Writer, account: ActorId) -> None:
    writer.execute("DELETE FROM notifications WHERE account = ?", account)


def forget_between(writer: Writer, account: ActorId, actor: ActorId) -> None:
    writer.execute("DELETE FROM notifications WHERE account = ? AND actor = ?", account, actor)
