"""Whom something reached, beside those it was for; and the end of all relations of one actor."""

from storage.units import Reader, Writer


def inboxes_of_reactions(reader: Reader, post: int) -> list[str]:
    """Of those elsewhere who shared, favoured or answered a post: they may have kept it."""
    rows = reader.rows(
        "SELECT DISTINCT ifnull(w.shared_inbox, w.inbox) FROM actors w WHERE w.host <> '' AND w.id"
        " IN (SELECT actor FROM shares WHERE post = ?1 UNION SELECT actor FROM likes"
        " WHERE post = ?1 UNION SELECT author FROM posts WHERE in_reply_to = ?1"
        " AND deleted_at IS NULL)",
        post,
    )
    return [inbox for (inbox,) in rows]


def inboxes_of_acquaintances(reader: Reader, actor: int) -> list[str]:
    """Of everybody elsewhere who may have kept something of an actor: what they said, or them."""
    rows = reader.rows(
        "SELECT DISTINCT ifnull(w.shared_inbox, w.inbox) FROM actors w WHERE w.host <> ''"
        " AND w.state = 'active' AND w.id IN ("
        " SELECT follower FROM follows WHERE target = ?1"
        " UNION SELECT target FROM follows WHERE follower = ?1"
        " UNION SELECT r.actor FROM posts p JOIN post_recipients r ON r.post = p.id"
        " WHERE p.author = ?1"
        " UNION SELECT s.actor FROM posts p JOIN shares s ON s.post = p.id WHERE p.author = ?1"
        " UNION SELECT l.actor FROM posts p JOIN likes l ON l.post = p.id WHERE p.author = ?1"
        " UNION SELECT a.author FROM posts p JOIN posts a ON a.in_reply_to = p.id"
        " WHERE p.author = ?1"
        " UNION SELECT o.author FROM likes l JOIN posts o ON o.id = l.post WHERE l.actor = ?1"
        " UNION SELECT o.author FROM shares s JOIN posts o ON o.id = s.post WHERE s.actor = ?1)",
        actor,
    )
    return [inbox for (inbox,) in rows]


def was_spoken_to(reader: Reader, actor: int) -> bool:
    """Whether anybody of ours ever wrote to them."""
    row = reader.row(
        "SELECT 1 FROM post_recipients r JOIN posts p ON p.id = r.post"
        " WHERE r.actor = ? AND p.local LIMIT 1",
        actor,
    )
    return row is not None


def part_from_all(writer: Writer, actor: int) -> None:
    """Nobody follows them, and they follow nobody, any more."""
    for statement in (
        "DELETE FROM follows WHERE follower = ?1 OR target = ?1",
        "DELETE FROM collection_members WHERE actor = ?1",
        "DELETE FROM notifications WHERE actor = ?1 OR account = ?1",
    ):
        writer.execute(statement, actor)
