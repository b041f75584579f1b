"""Retention: what is forgotten in time, a few hundred rows at once."""

from datetime import timedelta

from storage.access import confirmations
from storage.engine.clock import milliseconds
from storage.engine.transaction import Writer
from storage.lifecycle import erasure

SLICE = 500
HEARD = timedelta(days=30)
SAID = timedelta(days=30)

# Each statement: (what it forgets, after how long). Its values: the moment before which, the slice.
RULES: tuple[tuple[str, timedelta], ...] = (
    (
        "DELETE FROM received WHERE id IN (SELECT id FROM received"
        " WHERE received_at < ? AND state IN ('done', 'refused', 'parked') LIMIT ?)",
        HEARD,
    ),
    (
        "DELETE FROM signatures_seen WHERE digest IN (SELECT digest FROM signatures_seen"
        " WHERE until < ? LIMIT ?)",
        timedelta(0),
    ),
    (
        "DELETE FROM early_deletes WHERE (uri, actor) IN (SELECT uri, actor FROM early_deletes"
        " WHERE kept_at < ? LIMIT ?)",
        HEARD,
    ),
    (
        "DELETE FROM deliveries WHERE id IN (SELECT id FROM deliveries"
        " WHERE state = 'parked' AND created_at < ? LIMIT ?)",
        timedelta(days=37),
    ),
    (
        "DELETE FROM activities WHERE id IN (SELECT v.id FROM activities v"
        " WHERE v.published_at < ? AND v.type NOT IN ('Create', 'Follow', 'Announce')"
        " AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.activity = v.id) LIMIT ?)",
        SAID,
    ),
    (  # votes: what somebody chose is not kept for longer than it takes to say it
        "DELETE FROM activities WHERE id IN (SELECT v.id FROM activities v"
        " WHERE v.published_at < ? AND v.type = 'Create' AND v.post IS NULL"
        " AND NOT EXISTS (SELECT 1 FROM deliveries d WHERE d.activity = v.id) LIMIT ?)",
        timedelta(0),
    ),
    (
        "DELETE FROM codes WHERE hash IN (SELECT hash FROM codes WHERE expires_at < ? LIMIT ?)",
        timedelta(days=1),
    ),
    (
        "DELETE FROM resets WHERE hash IN (SELECT hash FROM resets WHERE expires_at < ? LIMIT ?)",
        timedelta(0),
    ),
    (
        "DELETE FROM confirmations WHERE account IN (SELECT account FROM confirmations"
        " WHERE expires_at < ? AND purpose = 'change' LIMIT ?)",
        timedelta(0),
    ),
    (
        "DELETE FROM sessions WHERE id IN (SELECT id FROM sessions WHERE last_used_at < ? LIMIT ?)",
        timedelta(days=60),
    ),
    (
        "DELETE FROM challenges WHERE hash IN (SELECT hash FROM challenges"
        " WHERE expires_at < ? LIMIT ?)",
        timedelta(0),
    ),
    (
        """
        DELETE FROM known_places WHERE (account, hash) IN (SELECT account, hash
        FROM known_places WHERE last_seen < ? AND EXISTS (SELECT 1 FROM known_places later
        WHERE later.account = known_places.account
        AND later.last_seen > known_places.last_seen) LIMIT ?)
        """,
        timedelta(days=365),
    ),
    (
        "DELETE FROM known_devices WHERE (account, hash) IN (SELECT account, hash"
        " FROM known_devices WHERE last_seen < ? LIMIT ?)",
        timedelta(days=400),
    ),
    (
        "DELETE FROM mutes WHERE id IN (SELECT id FROM mutes WHERE expires_at < ? LIMIT ?)",
        timedelta(0),
    ),
    (
        "DELETE FROM idempotency WHERE (account, key) IN (SELECT account, key FROM idempotency"
        " WHERE created_at < ? LIMIT ?)",
        timedelta(hours=1),
    ),
)


def forget(writer: Writer) -> int:
    """Run every rule once; return how many rows went. Nothing more to do when it returns 0.

    Who signed up and never opened the link in our letter goes as well; the name is free again.
    """
    never_in = confirmations.run_out(writer, SLICE)
    for account in never_in:
        confirmations.give_back(writer, account)
        erasure.forget_pending(writer, account)
    return len(never_in) + sum(
        writer.execute(statement, milliseconds(writer.now - after), SLICE)
        for statement, after in RULES
    )
