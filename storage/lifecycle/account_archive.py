"""Arrangements of a member, whole, for a file that they take with them."""

from dataclasses import dataclass

from orjson import loads

from storage.engine.ids import ActorId
from storage.engine.transaction import Reader


@dataclass(frozen=True, slots=True)
class Followed:
    """Account by handle (`domain` '' is ours), and how it is followed."""

    name: str
    domain: str
    reblogs: bool
    notify: bool
    languages: tuple[str, ...]


def list_followed(reader: Reader, account: ActorId) -> list[Followed]:
    """People and communities elsewhere and here, asked for or accepted; not the place itself."""
    rows = reader.rows(
        "SELECT w.name, w.domain, f.reblogs, f.notify, f.languages FROM follows f"
        " JOIN actors w ON w.id = f.target WHERE f.follower = ? AND w.effective_state = 'active'"
        " AND NOT (w.type = 'Group' AND w.host = '') ORDER BY f.id",
        account,
    )
    return [
        Followed(name, domain, bool(reblogs), bool(notify), tuple(loads(languages)))
        for name, domain, reblogs, notify, languages in rows
    ]


def list_blocked(reader: Reader, account: ActorId) -> list[tuple[str, str]]:
    """(name, domain)"""
    rows = reader.rows(
        "SELECT w.name, w.domain FROM blocks b JOIN actors w ON w.id = b.target"
        " WHERE b.actor = ? ORDER BY b.id",
        account,
    )
    return [(name, domain) for name, domain in rows]


def list_muted(reader: Reader, account: ActorId) -> list[tuple[str, str, bool]]:
    """(name, domain, whether notifications are muted too)"""
    rows = reader.rows(
        "SELECT w.name, w.domain, m.notifications FROM mutes m JOIN actors w ON w.id = m.target"
        " WHERE m.actor = ? AND (m.expires_at IS NULL OR m.expires_at > ?) ORDER BY m.id",
        account,
        reader.now_ms,
    )
    return [(name, domain, bool(quiet)) for name, domain, quiet in rows]


def list_listed(reader: Reader, account: ActorId) -> list[tuple[str, str, str]]:
    """(title of the list, name, domain)"""
    rows = reader.rows(
        "SELECT li.title, w.name, w.domain FROM lists li JOIN list_members lm ON lm.list = li.id"
        " JOIN actors w ON w.id = lm.actor WHERE li.owner = ? ORDER BY li.id, lm.cursor",
        account,
    )
    return [(title, name, domain) for title, name, domain in rows]


def list_bookmarked(reader: Reader, account: ActorId) -> list[str]:
    """URIs of posts, the latest first."""
    rows = reader.rows(
        "SELECT p.uri FROM bookmarks bm JOIN posts p ON p.id = bm.post"
        " WHERE bm.actor = ? AND p.deleted_at IS NULL ORDER BY bm.id DESC",
        account,
    )
    return [uri for (uri,) in rows]


def favourites(reader: Reader, account: ActorId) -> list[str]:
    """URIs of posts, the latest first."""
    rows = reader.rows(
        "SELECT p.uri FROM favourites fv JOIN posts p ON p.id = fv.post"
        " WHERE fv.actor = ? AND p.deleted_at IS NULL ORDER BY fv.id DESC",
        account,
    )
    return [uri for (uri,) in rows]


def hosts(reader: Reader, account: ActorId) -> list[str]:
    """Servers of which they want to see nothing."""
    rows = reader.rows(
        "SELECT host FROM user_domain_blocks WHERE account = ? ORDER BY host", account
    )
    return [host for (host,) in rows]


def files(reader: Reader, account: ActorId) -> list[str]:
    """Names of the pictures that are theirs, in the media folder."""
    rows = reader.rows(
        "SELECT file FROM media WHERE owner = ? AND file IS NOT NULL ORDER BY id", account
    )
    return [file for (file,) in rows]
