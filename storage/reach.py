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


def part_from_all(writer: Writer, actor: int) -> None:
    """Nobody follows them, and they follow nobody, any more."""
    for statement in (
        "DELETE FROM follows WHERE follower = ?1 OR target = ?1",
        "DELETE FROM collection_members WHERE actor = ?1",
        "DELETE FROM notifications WHERE actor = ?1 OR account = ?1",
    ):
        writer.execute(statement, actor)
