"""Inboxes that something reached beside its audience; the end of all relations of one actor."""

from storage.engine.ids import ActorId, PostId
from storage.engine.transaction import Reader, Writer


def inboxes_of_reactions(reader: Reader, post: PostId) -> list[str]:
    """Inboxes of others who boosted, favoured or answered a post: they may have kept it."""
    rows = reader.named(
        """
        SELECT DISTINCT ifnull(w.shared_inbox, w.inbox) FROM actors w WHERE w.host <> '' AND w.id
        IN (SELECT actor FROM boosts WHERE post = :post UNION SELECT actor FROM favourites
        WHERE post = :post UNION SELECT author FROM posts WHERE in_reply_to = :post
        AND deleted_at IS NULL)
        """,
        {"post": post},
    )
    return [inbox for (inbox,) in rows]


def inboxes_of_acquaintances(reader: Reader, actor: ActorId) -> list[str]:
    """Inboxes of everybody elsewhere who may have kept posts of an actor, or the actor."""
    rows = reader.named(
        """
        SELECT DISTINCT ifnull(w.shared_inbox, w.inbox) FROM actors w WHERE w.host <> ''
        AND w.effective_state = 'active' AND w.id IN (
        SELECT follower FROM follows WHERE target = :actor
        UNION SELECT target FROM follows WHERE follower = :actor
        UNION SELECT r.actor FROM posts p JOIN post_recipients r ON r.post = p.id
        WHERE p.author = :actor
        UNION SELECT bo.actor FROM posts p JOIN boosts bo ON bo.post = p.id WHERE p.author = :actor
        UNION SELECT fv.actor FROM posts p JOIN favourites fv ON fv.post = p.id
        WHERE p.author = :actor
        UNION SELECT c.author FROM posts p JOIN posts c ON c.in_reply_to = p.id
        WHERE p.author = :actor
        UNION SELECT o.author FROM favourites fv JOIN posts o ON o.id = fv.post
        WHERE fv.actor = :actor
        UNION SELECT o.author FROM boosts bo JOIN posts o ON o.id = bo.post
        WHERE bo.actor = :actor)
        """,
        {"actor": actor},
    )
    return [inbox for (inbox,) in rows]


def was_spoken_to(reader: Reader, actor: ActorId) -> bool:
    """Whether anybody of ours ever wrote to them."""
    row = reader.row(
        "SELECT 1 FROM post_recipients r JOIN posts p ON p.id = r.post"
        " WHERE r.actor = ? AND p.local LIMIT 1",
        actor,
    )
    return row is not None


def part_from_all(writer: Writer, actor: ActorId) -> None:
    """End all relations of an actor: nobody follows them, and they follow nobody, any more."""
    for statement in (
        "DELETE FROM follows WHERE follower = :actor OR target = :actor",
        "DELETE FROM collection_members WHERE actor = :actor",
        "DELETE FROM notifications WHERE actor = :actor OR account = :actor",
    ):
        writer.execute_named(statement, {"actor": actor})
