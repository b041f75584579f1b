"""Erasure of somebody who went: taken out a slice at a time, so that nobody else waits.

Their row in `actors` stays, emptied, so that nobody else gets the handle and 410 can be answered;
so do the agreements, reports and decisions in which they are named.
tests/storage/lifecycle/test_erasure.py holds these lists against the schema.
"""

import sqlite3
from json import dumps

from storage.access.accounts import ACCESS
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.people import actors
from storage.posts import posts

SLICE = 500

# What points to a post, or hangs on it without a foreign key that takes it along.
_WITH_POSTS = (
    "DELETE FROM favourites WHERE post IN (SELECT value FROM json_each(?))",
    "DELETE FROM boosts WHERE post IN (SELECT value FROM json_each(?))",
    "DELETE FROM bookmarks WHERE post IN (SELECT value FROM json_each(?))",
    "DELETE FROM approvals WHERE target IN (SELECT value FROM json_each(?))",
    "DELETE FROM media WHERE post IN (SELECT value FROM json_each(?))",
    "DELETE FROM post_words WHERE rowid IN (SELECT value FROM json_each(?))",
    "UPDATE activities SET post = NULL WHERE post IN (SELECT value FROM json_each(?))",
    "UPDATE posts SET in_reply_to = NULL WHERE in_reply_to IN (SELECT value FROM json_each(?))",
    "DELETE FROM posts WHERE id IN (SELECT value FROM json_each(?))",
)

# Tables with a number of their own, and the columns by which a row is somebody's.
BY_SLICES = (
    "DELETE FROM favourites WHERE id IN (SELECT id FROM favourites WHERE actor = ? LIMIT ?)",
    "DELETE FROM boosts WHERE id IN (SELECT id FROM boosts WHERE actor = ? LIMIT ?)",
    "DELETE FROM bookmarks WHERE id IN (SELECT id FROM bookmarks WHERE actor = ? LIMIT ?)",
    "DELETE FROM approvals WHERE id IN (SELECT id FROM approvals WHERE actor = ? LIMIT ?)",
    "DELETE FROM scheduled_posts"
    " WHERE id IN (SELECT id FROM scheduled_posts WHERE author = ? LIMIT ?)",
    "DELETE FROM media WHERE id IN (SELECT id FROM media WHERE owner = ? LIMIT ?)",
    "DELETE FROM notifications"
    " WHERE id IN (SELECT id FROM notifications WHERE account = ? LIMIT ?)",
    "DELETE FROM notifications WHERE id IN (SELECT id FROM notifications WHERE actor = ? LIMIT ?)",
    "DELETE FROM follows WHERE id IN (SELECT id FROM follows WHERE follower = ? LIMIT ?)",
    "DELETE FROM follows WHERE id IN (SELECT id FROM follows WHERE target = ? LIMIT ?)",
    "DELETE FROM blocks WHERE id IN (SELECT id FROM blocks WHERE actor = ? LIMIT ?)",
    "DELETE FROM blocks WHERE id IN (SELECT id FROM blocks WHERE target = ? LIMIT ?)",
    "DELETE FROM mutes WHERE id IN (SELECT id FROM mutes WHERE actor = ? LIMIT ?)",
    "DELETE FROM mutes WHERE id IN (SELECT id FROM mutes WHERE target = ? LIMIT ?)",
    "DELETE FROM pins WHERE id IN (SELECT id FROM pins WHERE actor = ? LIMIT ?)",
    "DELETE FROM poll_votes WHERE id IN (SELECT id FROM poll_votes WHERE actor = ? LIMIT ?)",
    "DELETE FROM conversations"
    " WHERE id IN (SELECT id FROM conversations WHERE account = ? LIMIT ?)",
    "DELETE FROM lists WHERE id IN (SELECT id FROM lists WHERE owner = ? LIMIT ?)",
    "DELETE FROM user_domain_blocks"
    " WHERE id IN (SELECT id FROM user_domain_blocks WHERE account = ? LIMIT ?)",
    "DELETE FROM followed_tags"
    " WHERE id IN (SELECT id FROM followed_tags WHERE account = ? LIMIT ?)",
    "DELETE FROM featured_tags WHERE id IN (SELECT id FROM featured_tags WHERE actor = ? LIMIT ?)",
    "DELETE FROM endorsements WHERE id IN (SELECT id FROM endorsements WHERE actor = ? LIMIT ?)",
    "DELETE FROM endorsements WHERE id IN (SELECT id FROM endorsements WHERE target = ? LIMIT ?)",
    "DELETE FROM filters WHERE id IN (SELECT id FROM filters WHERE account = ? LIMIT ?)",
    "DELETE FROM imports WHERE id IN (SELECT id FROM imports WHERE account = ? LIMIT ?)",
)
# Tables whose key holds the column; few rows for each of us.
AT_ONCE = (
    "DELETE FROM home_entries WHERE owner = ?",
    "DELETE FROM markers WHERE account = ?",
    "DELETE FROM thread_mutes WHERE account = ?",
    "DELETE FROM list_members WHERE actor = ?",
    "DELETE FROM account_notes WHERE account = ?",
    "DELETE FROM account_notes WHERE target = ?",
    "DELETE FROM dismissed_suggestions WHERE account = ?",
    "DELETE FROM dismissed_suggestions WHERE target = ?",
    "DELETE FROM collection_members WHERE actor = ?",
)
# The ways in, ended in the unit in which somebody goes.
WAYS_IN = (
    "DELETE FROM tokens WHERE account = ?",
    "DELETE FROM codes WHERE account = ?",
    "DELETE FROM sessions WHERE account = ?",
    "DELETE FROM resets WHERE account = ?",
    "DELETE FROM confirmations WHERE account = ?",
    "DELETE FROM idempotency WHERE account = ?",
    "DELETE FROM totp WHERE account = ?",
    "DELETE FROM recovery_codes WHERE account = ?",
    "DELETE FROM passkeys WHERE account = ?",
    "DELETE FROM challenges WHERE account = ?",
    "DELETE FROM known_places WHERE account = ?",
    "DELETE FROM known_devices WHERE account = ?",
    "DELETE FROM exports WHERE account = ?",
)


# What signing up makes.
_NEVER_IN = (
    "DELETE FROM notifications WHERE actor = ?",
    "DELETE FROM notifications WHERE account = ?",
    "DELETE FROM idempotency WHERE account = ?",
    "DELETE FROM consents WHERE actor = ?",
    "DELETE FROM keys WHERE actor = ?",
)


def close_account(writer: Writer, actor: ActorId) -> None:
    """Close an account: no way in any more; its address may be used for another."""
    for statement in WAYS_IN:
        writer.execute(statement, actor)
    writer.execute(
        "UPDATE accounts SET state = 'deleted', email = 'deleted-' || actor || '@invalid',"
        " password = '', reason = NULL, settings = '{}' WHERE actor = ?",
        actor,
    )
    writer.after_commit(ACCESS, str(actor))


def forget_pending(writer: Writer, actor: ActorId) -> None:
    """Delete somebody who was never let in: nothing of them is left, and the name is free.

    Where something names them all the same, they are left as somebody deleted: it never fails.
    """
    for statement in WAYS_IN:
        writer.execute(statement, actor)
    for statement in _NEVER_IN:
        writer.execute(statement, actor)
    writer.after_commit(ACCESS, str(actor))
    try:
        writer.execute("DELETE FROM accounts WHERE actor = ?", actor)
        writer.execute("DELETE FROM actors WHERE id = ?", actor)
    except sqlite3.IntegrityError:
        close_account(writer, actor)
        actors.set_moderation_state(writer, ActorId(actor), "deleted")


def erase(writer: Writer, actor: ActorId, most: int = SLICE) -> int:
    """Take out up to `most` rows, posts first; return how many. 0: only the key is left."""
    taken = _erase_posts(writer, actor, most)
    if taken:
        return taken
    for statement in BY_SLICES:
        taken = writer.execute(statement, actor, most)
        if taken:
            return taken
    at_once = sum(writer.execute(statement, actor) for statement in AT_ONCE)
    return at_once + _empty(writer, actor)


def _erase_posts(writer: Writer, actor: ActorId, most: int) -> int:
    rows = writer.rows("SELECT id FROM posts WHERE author = ? ORDER BY id LIMIT ?", actor, most)
    if rows:
        found = [id_ for (id_,) in rows]
        posts.leave_conversations(writer, found)  # the oldest go first, so what is left stays
        ids = dumps(found)
        for statement in _WITH_POSTS:
            writer.execute(statement, ids)
    return len(rows)


def _empty(writer: Writer, actor: ActorId) -> int:
    """Empty the actor's row but for the handle; return 1 when there was something."""
    return writer.execute(
        """
        UPDATE actors SET display_name = '', summary = '', summary_source = NULL, fields = '[]',
        avatar = NULL, header = NULL, also_known_as = '[]', version = version + 1 WHERE id = ?
        AND (display_name <> '' OR summary <> '' OR summary_source IS NOT NULL
        OR fields <> '[]' OR avatar IS NOT NULL OR header IS NOT NULL
        OR also_known_as <> '[]')
        """,
        actor,
    )


def last_words_wait(reader: Reader, actor: ActorId) -> bool:
    """Whether letters of theirs are still under way: until then their key stays."""
    return (
        reader.row(
            "SELECT 1 FROM activities v JOIN deliveries d ON d.activity = v.id"
            " WHERE v.actor = ? AND d.state = 'due' LIMIT 1",
            actor,
        )
        is not None
    )


def forget_key(writer: Writer, actor: ActorId) -> None:
    """The end: what they said goes with the key that signed it."""
    writer.execute(
        "DELETE FROM deliveries WHERE activity IN (SELECT id FROM activities WHERE actor = ?)",
        actor,
    )
    writer.execute("DELETE FROM activities WHERE actor = ?", actor)
    writer.execute("DELETE FROM keys WHERE actor = ?", actor)
