-- How a post read before it was edited; the row of the post itself holds how it reads now.
CREATE TABLE post_edits (
    id         INTEGER PRIMARY KEY,
    post       INTEGER NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    title      TEXT NOT NULL DEFAULT '',
    content    TEXT NOT NULL,                         -- safe HTML
    source     TEXT,
    spoiler    TEXT NOT NULL DEFAULT '',
    sensitive  INTEGER NOT NULL CHECK (sensitive IN (0, 1)),
    language   TEXT,
    beside     TEXT NOT NULL DEFAULT '{}',            -- JSON: {media: [{id, description}], poll: [title]}
    since      INTEGER NOT NULL                       -- from when it read so
) STRICT;
CREATE INDEX edits_of_post ON post_edits (post, id);

-- What an actor shows first (their `featured` collection).
CREATE TABLE pins (
    id         INTEGER PRIMARY KEY,                   -- the newest comes first
    actor      INTEGER NOT NULL REFERENCES actors (id),
    post       INTEGER NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    UNIQUE (actor, post)
) STRICT;
CREATE INDEX pins_of_post ON pins (post);
CREATE INDEX pins_of_actor ON pins (actor, id);

CREATE TABLE polls (
    post         INTEGER PRIMARY KEY REFERENCES posts (id) ON DELETE CASCADE,
    multiple     INTEGER NOT NULL CHECK (multiple IN (0, 1)),
    hide_totals  INTEGER NOT NULL DEFAULT 0 CHECK (hide_totals IN (0, 1)),
    closes_at    INTEGER,                             -- NULL: open for ever (others' servers may)
    closed_at    INTEGER,
    voters       INTEGER,                             -- as its server says it; NULL where the votes are here
    fetched_at   INTEGER
) STRICT;
CREATE INDEX polls_open ON polls (closes_at) WHERE closed_at IS NULL AND closes_at IS NOT NULL;
CREATE TABLE poll_options (
    post      INTEGER NOT NULL REFERENCES polls (post) ON DELETE CASCADE,
    position  INTEGER NOT NULL,
    title     TEXT NOT NULL,
    votes     INTEGER,                                -- as its server says it; NULL where the votes are here
    PRIMARY KEY (post, position)
) STRICT, WITHOUT ROWID;
CREATE TABLE poll_votes (
    id          INTEGER PRIMARY KEY,
    uri         TEXT UNIQUE,
    post        INTEGER NOT NULL REFERENCES polls (post) ON DELETE CASCADE,
    actor       INTEGER NOT NULL REFERENCES actors (id),
    position    INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    UNIQUE (post, actor, position)
) STRICT;
CREATE INDEX votes_of_actor ON poll_votes (actor);

CREATE TABLE emojis (
    id          INTEGER PRIMARY KEY,
    shortcode   TEXT NOT NULL,
    domain      TEXT NOT NULL DEFAULT '',             -- host of its origin; '' is ours
    uri         TEXT UNIQUE,
    file        TEXT,                                 -- ours: random name in media
    still       TEXT,                                 -- ours: the same without movement
    remote_url  TEXT,
    category    TEXT,
    visible     INTEGER NOT NULL DEFAULT 1 CHECK (visible IN (0, 1)),
    updated_at  INTEGER NOT NULL,
    UNIQUE (shortcode, domain)
) STRICT;
CREATE UNIQUE INDEX emojis_by_file ON emojis (file) WHERE file IS NOT NULL;
CREATE UNIQUE INDEX emojis_by_still ON emojis (still) WHERE still IS NOT NULL;
CREATE INDEX media_unattached ON media (created_at) WHERE post IS NULL AND purpose = 'attachment';

CREATE INDEX posts_that_quote ON posts (quoted) WHERE quoted IS NOT NULL;
CREATE INDEX approvals_of_target ON approvals (target, kind, state);
CREATE INDEX approvals_of_request ON approvals (request, kind);
CREATE INDEX approvals_to_check ON approvals (id) WHERE state = 'pending' AND decided_at IS NULL AND uri IS NOT NULL;

-- Threads of which somebody wants to hear no more.
CREATE TABLE thread_mutes (
    account  INTEGER NOT NULL REFERENCES actors (id),
    root     INTEGER NOT NULL,                        -- posts.root
    PRIMARY KEY (account, root)
) STRICT, WITHOUT ROWID;

-- Direct posts of one thread among the same people, as one member sees them.
CREATE TABLE conversations (
    id         INTEGER PRIMARY KEY,
    account    INTEGER NOT NULL REFERENCES actors (id),
    people     TEXT NOT NULL,                         -- JSON: [actor], sorted, without the account itself
    root       INTEGER NOT NULL,
    last_post  INTEGER NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    unread     INTEGER NOT NULL DEFAULT 1 CHECK (unread IN (0, 1)),
    hidden     INTEGER NOT NULL DEFAULT 0 CHECK (hidden IN (0, 1)),
    UNIQUE (account, root, people)
) STRICT;
CREATE INDEX conversations_of_account ON conversations (account, last_post);
CREATE INDEX conversations_about ON conversations (last_post);

-- Words of posts, for searching; `rowid` is the post. (No trigger may write to it: the schema is not trusted.)
-- `marks` are words of ours about a post: 'link'.
CREATE VIRTUAL TABLE post_words USING fts5 (words, marks, tokenize = "unicode61 remove_diacritics 2");
INSERT INTO jobs (id, kind, subject, due) SELECT 1, 'index posts', 'all', 0 WHERE EXISTS (SELECT 1 FROM posts);
INSERT INTO jobs (id, kind, subject, due) SELECT 2, 'find conversations', 'all', 0 WHERE EXISTS (SELECT 1 FROM posts);
