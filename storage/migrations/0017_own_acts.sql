-- Taking back a mute of a thread needs only one's own row: so it keeps by which post it was said.
ALTER TABLE thread_mutes ADD COLUMN post INTEGER;

-- An id belongs to its actor: what a neighbour on the same server calls by it is another thing.
-- SQLite takes no UNIQUE away, so the tables are made anew.

-- `subject`: which relation it speaks of, to be told from one that was said again since; `signed_at`: when.
CREATE TABLE new_received (
    id           INTEGER PRIMARY KEY,                 -- in the order in which they were taken in
    uri          TEXT NOT NULL,
    actor        TEXT NOT NULL,
    signer       TEXT NOT NULL,                       -- URI of the actor whose key signed
    host         TEXT NOT NULL,
    type         TEXT NOT NULL,
    verdict      TEXT NOT NULL CHECK (verdict IN ('authentic', 'hint')),
    body         TEXT,                                -- NULL once done
    state        TEXT NOT NULL CHECK (state IN ('due', 'held', 'done', 'refused', 'parked')),
    reason       TEXT,
    attempts     INTEGER NOT NULL DEFAULT 0,
    due          INTEGER NOT NULL,
    received_at  INTEGER NOT NULL,
    subject      TEXT,                                -- NULL: it speaks of no relation
    signed_at    INTEGER NOT NULL DEFAULT 0,
    UNIQUE (uri, actor)
) STRICT;
INSERT INTO new_received (id, uri, actor, signer, host, type, verdict, body, state, reason, attempts, due, received_at)
SELECT id, uri, actor, signer, host, type, verdict, body, state, reason, attempts, due, received_at FROM received
-- Of what relation these spoke is not written down: heard again they count by what holds now.
WHERE NOT (state IN ('done', 'refused') AND type IN ('Follow', 'Like', 'Announce', 'Block', 'Add', 'Remove', 'Undo'));
DROP TABLE received;
ALTER TABLE new_received RENAME TO received;
CREATE INDEX received_due ON received (due, id) WHERE state = 'due';
CREATE INDEX received_held ON received (state, id) WHERE state IN ('held', 'parked');
CREATE INDEX received_when ON received (received_at);
CREATE INDEX received_about ON received (actor, subject, id) WHERE subject IS NOT NULL;

CREATE TABLE new_follows (
    id          INTEGER PRIMARY KEY,
    uri         TEXT NOT NULL,
    follower    INTEGER NOT NULL REFERENCES actors (id),
    target      INTEGER NOT NULL REFERENCES actors (id),
    state       TEXT NOT NULL CHECK (state IN ('pending', 'accepted')),
    reblogs     INTEGER NOT NULL DEFAULT 1 CHECK (reblogs IN (0, 1)),
    notify      INTEGER NOT NULL DEFAULT 0 CHECK (notify IN (0, 1)),
    languages   TEXT NOT NULL DEFAULT '[]',           -- JSON
    created_at  INTEGER NOT NULL,
    UNIQUE (follower, target),
    UNIQUE (uri, follower)
) STRICT;
INSERT INTO new_follows (id, uri, follower, target, state, reblogs, notify, languages, created_at)
SELECT id, uri, follower, target, state, reblogs, notify, languages, created_at FROM follows;
DROP TABLE follows;
ALTER TABLE new_follows RENAME TO follows;
CREATE INDEX followers ON follows (target, state, id);
CREATE INDEX following ON follows (follower, state, id);
CREATE TRIGGER tally_follow AFTER INSERT ON follows WHEN new.state = 'accepted' BEGIN
    UPDATE tallies SET followers = followers + 1 WHERE actor = new.target;
    UPDATE tallies SET following = following + 1 WHERE actor = new.follower;
END;
CREATE TRIGGER tally_follow_change AFTER UPDATE OF state ON follows WHEN old.state <> new.state BEGIN
    UPDATE tallies SET followers = followers + iif(new.state = 'accepted', 1, -1) WHERE actor = new.target;
    UPDATE tallies SET following = following + iif(new.state = 'accepted', 1, -1) WHERE actor = new.follower;
END;
CREATE TRIGGER tally_unfollow AFTER DELETE ON follows WHEN old.state = 'accepted' BEGIN
    UPDATE tallies SET followers = followers - 1 WHERE actor = old.target;
    UPDATE tallies SET following = following - 1 WHERE actor = old.follower;
END;

CREATE TABLE new_likes (
    id          INTEGER PRIMARY KEY,
    uri         TEXT NOT NULL,
    actor       INTEGER NOT NULL REFERENCES actors (id),
    post        INTEGER NOT NULL REFERENCES posts (id),
    created_at  INTEGER NOT NULL,
    UNIQUE (post, actor),
    UNIQUE (uri, actor)
) STRICT;
INSERT INTO new_likes (id, uri, actor, post, created_at) SELECT id, uri, actor, post, created_at FROM likes;
DROP TABLE likes;
ALTER TABLE new_likes RENAME TO likes;
CREATE INDEX likes_of_actor ON likes (actor, id);
CREATE INDEX likes_of_post ON likes (post, id);

CREATE TABLE new_blocks (
    id          INTEGER PRIMARY KEY,
    uri         TEXT NOT NULL,
    actor       INTEGER NOT NULL REFERENCES actors (id),
    target      INTEGER NOT NULL REFERENCES actors (id),
    created_at  INTEGER NOT NULL,
    UNIQUE (actor, target),
    UNIQUE (uri, actor)
) STRICT;
INSERT INTO new_blocks (id, uri, actor, target, created_at) SELECT id, uri, actor, target, created_at FROM blocks;
DROP TABLE blocks;
ALTER TABLE new_blocks RENAME TO blocks;
CREATE INDEX blocked_by ON blocks (target, actor);

-- What a share brought into lists goes with its table, so it is put aside meanwhile.
CREATE TEMP TABLE brought_home AS SELECT owner, entry, post, share FROM home_entries WHERE share IS NOT NULL;
CREATE TEMP TABLE brought_into_lists AS SELECT list, entry, post, share FROM list_entries WHERE share IS NOT NULL;
CREATE TABLE new_shares (
    id            INTEGER PRIMARY KEY,
    uri           TEXT NOT NULL,
    actor         INTEGER NOT NULL REFERENCES actors (id),
    post          INTEGER NOT NULL REFERENCES posts (id),
    audience      INTEGER NOT NULL REFERENCES audiences (id),
    listed        INTEGER NOT NULL CHECK (listed IN (0, 1)),
    published_at  INTEGER NOT NULL,
    UNIQUE (post, actor),
    UNIQUE (uri, actor)
) STRICT;
INSERT INTO new_shares (id, uri, actor, post, audience, listed, published_at)
SELECT id, uri, actor, post, audience, listed, published_at FROM shares;
DROP TABLE shares;
ALTER TABLE new_shares RENAME TO shares;
CREATE INDEX shares_of_actor ON shares (actor, id);
CREATE INDEX shares_of_post ON shares (post, id);
INSERT INTO home_entries (owner, entry, post, share) SELECT owner, entry, post, share FROM brought_home;
INSERT INTO list_entries (list, entry, post, share) SELECT list, entry, post, share FROM brought_into_lists;
DROP TABLE brought_home;
DROP TABLE brought_into_lists;

-- Whoever says that a stamp is theirs keeps it from nobody whose it is.
CREATE TABLE new_approvals (
    id          INTEGER PRIMARY KEY,
    uri         TEXT,                                 -- of the approval itself (a stamp)
    kind        TEXT NOT NULL CHECK (kind IN ('reply', 'like', 'announce', 'quote')),
    target      INTEGER NOT NULL REFERENCES posts (id),
    actor       INTEGER NOT NULL REFERENCES actors (id),
    request     TEXT NOT NULL,                        -- URI of what is to be allowed
    state       TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'rejected', 'revoked')),
    decided_at  INTEGER,
    attempts    INTEGER NOT NULL DEFAULT 0,
    due         INTEGER NOT NULL DEFAULT 0,
    UNIQUE (target, kind, request)
) STRICT;
INSERT INTO new_approvals (id, uri, kind, target, actor, request, state, decided_at, attempts, due)
SELECT id, uri, kind, target, actor, request, state, decided_at, attempts, due FROM approvals;
DROP TABLE approvals;
ALTER TABLE new_approvals RENAME TO approvals;
CREATE INDEX approvals_by_stamp ON approvals (uri) WHERE uri IS NOT NULL;
CREATE INDEX approvals_of_target ON approvals (target, kind, state);
CREATE INDEX approvals_of_request ON approvals (request, kind);
CREATE INDEX approvals_to_check ON approvals (due, id) WHERE state = 'pending' AND decided_at IS NULL AND uri IS NOT NULL;
CREATE INDEX approvals_of_actor ON approvals (actor);
