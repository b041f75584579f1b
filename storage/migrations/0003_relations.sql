CREATE TABLE follows (
    id          INTEGER PRIMARY KEY,
    uri         TEXT NOT NULL UNIQUE,
    follower    INTEGER NOT NULL REFERENCES actors (id),
    target      INTEGER NOT NULL REFERENCES actors (id),
    state       TEXT NOT NULL CHECK (state IN ('pending', 'accepted')),
    reblogs     INTEGER NOT NULL DEFAULT 1 CHECK (reblogs IN (0, 1)),
    notify      INTEGER NOT NULL DEFAULT 0 CHECK (notify IN (0, 1)),
    languages   TEXT NOT NULL DEFAULT '[]',           -- JSON
    created_at  INTEGER NOT NULL,
    UNIQUE (follower, target)
) STRICT;
CREATE INDEX followers ON follows (target, state, id);
CREATE INDEX following ON follows (follower, state, id);

CREATE TABLE likes (
    id          INTEGER PRIMARY KEY,
    uri         TEXT NOT NULL UNIQUE,
    actor       INTEGER NOT NULL REFERENCES actors (id),
    post        INTEGER NOT NULL REFERENCES posts (id),
    created_at  INTEGER NOT NULL,
    UNIQUE (post, actor)
) STRICT;
CREATE INDEX likes_of_actor ON likes (actor, id);
CREATE INDEX likes_of_post ON likes (post, id);

-- A boost. Shares the number space of posts, because clients list both together.
CREATE TABLE shares (
    id            INTEGER PRIMARY KEY,
    uri           TEXT NOT NULL UNIQUE,
    actor         INTEGER NOT NULL REFERENCES actors (id),
    post          INTEGER NOT NULL REFERENCES posts (id),
    audience      INTEGER NOT NULL REFERENCES audiences (id),
    listed        INTEGER NOT NULL CHECK (listed IN (0, 1)),
    published_at  INTEGER NOT NULL,
    UNIQUE (post, actor)
) STRICT;
CREATE INDEX shares_of_actor ON shares (actor, id);
CREATE INDEX shares_of_post ON shares (post, id);

CREATE TABLE blocks (
    id          INTEGER PRIMARY KEY,
    uri         TEXT NOT NULL UNIQUE,
    actor       INTEGER NOT NULL REFERENCES actors (id),
    target      INTEGER NOT NULL REFERENCES actors (id),
    created_at  INTEGER NOT NULL,
    UNIQUE (actor, target)
) STRICT;
CREATE INDEX blocked_by ON blocks (target, actor);

CREATE TABLE mutes (
    id             INTEGER PRIMARY KEY,
    actor          INTEGER NOT NULL REFERENCES actors (id),
    target         INTEGER NOT NULL REFERENCES actors (id),
    notifications  INTEGER NOT NULL CHECK (notifications IN (0, 1)),
    expires_at     INTEGER,
    created_at     INTEGER NOT NULL,
    UNIQUE (actor, target)
) STRICT;

CREATE TABLE bookmarks (
    id     INTEGER PRIMARY KEY,
    actor  INTEGER NOT NULL REFERENCES actors (id),
    post   INTEGER NOT NULL REFERENCES posts (id),
    UNIQUE (actor, post)
) STRICT;
CREATE INDEX bookmarks_of_actor ON bookmarks (actor, id);
CREATE INDEX bookmarks_of_post ON bookmarks (post);

CREATE TABLE notifications (
    id          INTEGER PRIMARY KEY,                  -- milliseconds << 10 | sequence: below 2^53
    account     INTEGER NOT NULL REFERENCES actors (id),
    type        TEXT NOT NULL,
    actor       INTEGER NOT NULL REFERENCES actors (id),
    post        INTEGER REFERENCES posts (id) ON DELETE CASCADE,
    created_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX notifications_of_account ON notifications (account, id);
CREATE INDEX notifications_about ON notifications (post) WHERE post IS NOT NULL;
CREATE INDEX notifications_by ON notifications (actor);
CREATE UNIQUE INDEX notifications_once ON notifications (account, type, actor, ifnull(post, 0));

-- Fanned out when said: `entry` is the id of the post, or of the share that brought it.
CREATE TABLE home_entries (
    owner  INTEGER NOT NULL REFERENCES actors (id),
    entry  INTEGER NOT NULL,
    post   INTEGER NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    share  INTEGER REFERENCES shares (id) ON DELETE CASCADE,
    PRIMARY KEY (owner, entry)
) STRICT, WITHOUT ROWID;
CREATE INDEX home_entries_of_post ON home_entries (post, owner);
CREATE INDEX home_entries_of_share ON home_entries (share) WHERE share IS NOT NULL;

CREATE TABLE markers (
    account     INTEGER NOT NULL REFERENCES actors (id),
    timeline    TEXT NOT NULL,
    last_read   INTEGER NOT NULL,
    version     INTEGER NOT NULL,
    updated_at  INTEGER NOT NULL,
    PRIMARY KEY (account, timeline)
) STRICT, WITHOUT ROWID;
