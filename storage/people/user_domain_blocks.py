"""Hosts of which one member wants to see nothing."""

from collections.abc import Sequence

from storage.engine.ids import ActorId
from storage.engine.pagination import Page
from storage.engine.transaction import Reader, Writer

MOST = 1000


def add(writer: Writer, account: ActorId, host: str) -> None:
    writer.execute(
        "INSERT INTO user_domain_blocks (id, account, host) VALUES (?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        writer.new_id(),
        account,
        host,
    )


def remove(writer: Writer, account: ActorId, host: str) -> None:
    writer.execute("DELETE FROM user_domain_blocks WHERE account = ? AND host = ?", account, host)


def count(reader: Reader, account: ActorId) -> int:
    number: int = reader.value("SELECT count(*) FROM user_domain_blocks WHERE account = ?", account)
    return number


def page_of(reader: Reader, account: ActorId, page: Page) -> list[tuple[int, str]]:
    """(cursor, host), newest first."""
    rows = reader.named(
        "SELECT id, host FROM user_domain_blocks WHERE account = :account"
        f" AND id < :below AND id > :above ORDER BY id {page.order} LIMIT :limit",
        {**page.values, "account": account},
    )
    return sorted(((cursor, host) for cursor, host in rows), reverse=True)


# `w` is the other of the two; of the host itself, or of one below it.
_THERE = (
    "w.host <> '' AND (:host IN (w.host, w.domain)"
    " OR substr(w.host, -length(:host) - 1) = '.' || :host"
    " OR substr(w.domain, -length(:host) - 1) = '.' || :host)"
)


def followers_there(
    reader: Reader, account: ActorId, host: str, most: int
) -> Sequence[tuple[str, str]]:
    """(URI of the follow, URI of the follower) of those there who follow, or ask to."""
    return reader.named(
        "SELECT f.uri, w.uri FROM follows f JOIN actors w ON w.id = f.follower"
        f" WHERE f.target = :account AND {_THERE} LIMIT :most",
        {"account": account, "host": host, "most": most},
    )


def follows_there(
    reader: Reader, account: ActorId, host: str, most: int
) -> Sequence[tuple[str, str]]:
    """(URI of the follow, URI of the followed) of those there whom the member follows."""
    return reader.named(
        "SELECT f.uri, w.uri FROM follows f JOIN actors w ON w.id = f.target"
        f" WHERE f.follower = :account AND {_THERE} LIMIT :most",
        {"account": account, "host": host, "most": most},
    )


def ties(reader: Reader, account: ActorId, host: str) -> tuple[int, int]:
    """Ties as (how many there the member follows, how many there follow the member)."""
    ((following, followers),) = reader.named(
        f"""
        SELECT (SELECT count(*) FROM follows f JOIN actors w ON w.id = f.target
        WHERE f.follower = :account AND f.state = 'accepted' AND {_THERE}),
        (SELECT count(*) FROM follows f JOIN actors w ON w.id = f.follower
        WHERE f.target = :account AND f.state = 'accepted' AND {_THERE})
        """,
        {"account": account, "host": host},
    )
    return following, followers
