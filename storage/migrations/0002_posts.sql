-- Who a post is for. Mastodon's visibilities and AS2's to and cc are renderings of this.
CREATE TABLE audiences (
    id          INTEGER PRIMARY KEY,
    kind        TEXT NOT NULL CHECK (kind IN ('public', 'followers', 'members', 'circle', 'instance', 'neighbours', 'named')),
    owner       INTEGER REFERENCES actors (id),        -- whose followers
    collection  INTEGER REFERENCES collections (id),   -- members, circle, neighbours
    CHECK ((kind = 'followers') = (owner IS NOT NULL)),
    CHECK ((kind IN ('members', 'circle', 'neighbours')) = (collection IS NOT NULL))
) STRICT;
CREATE UNIQUE INDEX audiences_once ON audiences (kind, ifnull(owner, 0), ifnull(collection, 0));
INSERT INTO audiences (kind) VALUES ('public'), ('instance'), ('named');

CREATE TABLE posts (
    id               INTEGER PRIMARY KEY,             -- from the publication time, clamped
    uri              TEXT NOT NULL UNIQUE,
    url              TEXT,
    author           INTEGER NOT NULL REFERENCES actors (id),
    local            INTEGER NOT NULL CHECK (local IN (0, 1)),
    type             TEXT NOT NULL,
    audience         INTEGER NOT NULL REFERENCES audiences (id),
    listed           INTEGER NOT NULL CHECK (listed IN (0, 1)),
    local_only       INTEGER NOT NULL DEFAULT 0 CHECK (local_only IN (0, 1)),
    community        INTEGER REFERENCES actors (id),
    in_reply_to      INTEGER REFERENCES posts (id),
    in_reply_to_uri  TEXT,
    root             INTEGER NOT NULL,                -- of the thread; itself for the first
    context          TEXT,                            -- URI of the conversation, as its owner calls it
    title            TEXT NOT NULL DEFAULT '',
    content          TEXT NOT NULL,                   -- safe HTML
    source           TEXT,                            -- what a member of ours wrote
    spoiler          TEXT NOT NULL DEFAULT '',
    sensitive        INTEGER NOT NULL DEFAULT 0 CHECK (sensitive IN (0, 1)),
    language         TEXT,
    reply_policy     TEXT NOT NULL DEFAULT 'public',
    like_policy      TEXT NOT NULL DEFAULT 'public',
    announce_policy  TEXT NOT NULL DEFAULT 'public',
    quote_policy     TEXT NOT NULL DEFAULT 'public',
    quoted           TEXT,                            -- URI of a quoted post
    application      INTEGER,                         -- the app it was written with
    document         TEXT,                            -- JSON of what a type has beside this (poll, event)
    published_at     INTEGER NOT NULL,
    edited_at        INTEGER,
    deleted_at       INTEGER,                         -- a tombstone: content gone, owner and audience kept
    version          INTEGER NOT NULL DEFAULT 1
) STRICT;
CREATE INDEX posts_by_page ON posts (url) WHERE url IS NOT NULL;
CREATE INDEX posts_ours ON posts (id) WHERE local AND deleted_at IS NULL;
CREATE INDEX posts_of_author ON posts (author, id);
CREATE INDEX posts_replies ON posts (in_reply_to) WHERE in_reply_to IS NOT NULL;
CREATE INDEX posts_waiting_for_parent ON posts (in_reply_to_uri) WHERE in_reply_to IS NULL AND in_reply_to_uri IS NOT NULL;
CREATE INDEX posts_of_thread ON posts (root, id);
CREATE INDEX posts_listed_by_origin ON posts (local, id) WHERE listed AND deleted_at IS NULL;
CREATE INDEX posts_listed ON posts (id) WHERE listed AND deleted_at IS NULL;
CREATE INDEX posts_of_community ON posts (community, id) WHERE community IS NOT NULL;
CREATE INDEX posts_of_audience ON posts (audience, id);

-- The actors a post names: those it is addressed to, and of them those it mentions in its text.
CREATE TABLE post_recipients (
    post       INTEGER NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    actor      INTEGER NOT NULL REFERENCES actors (id),
    mentioned  INTEGER NOT NULL CHECK (mentioned IN (0, 1)),
    name       TEXT NOT NULL DEFAULT '',              -- as the text says it
    PRIMARY KEY (post, actor)
) STRICT, WITHOUT ROWID;
CREATE INDEX recipients_posts ON post_recipients (actor, post);

CREATE TABLE tags (
    id    INTEGER PRIMARY KEY,
    name  TEXT NOT NULL UNIQUE                        -- folded
) STRICT;
CREATE TABLE post_tags (
    tag   INTEGER NOT NULL REFERENCES tags (id),
    post  INTEGER NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    name  TEXT NOT NULL,                              -- as written
    PRIMARY KEY (tag, post)
) STRICT, WITHOUT ROWID;
CREATE INDEX tags_of_post ON post_tags (post);

CREATE TABLE media (
    id           INTEGER PRIMARY KEY,
    owner        INTEGER NOT NULL REFERENCES actors (id),
    post         INTEGER REFERENCES posts (id),
    position     INTEGER NOT NULL DEFAULT 0,
    purpose      TEXT NOT NULL CHECK (purpose IN ('attachment', 'avatar', 'header')),
    file         TEXT UNIQUE,                         -- random name, 128 bit; NULL while it is elsewhere only
    preview      TEXT UNIQUE,
    remote_url   TEXT,
    mime         TEXT NOT NULL,
    bytes        INTEGER NOT NULL DEFAULT 0,
    width        INTEGER,
    height       INTEGER,
    blurhash     TEXT,
    description  TEXT NOT NULL DEFAULT '',
    focus_x      REAL NOT NULL DEFAULT 0,
    focus_y      REAL NOT NULL DEFAULT 0,
    state        TEXT NOT NULL CHECK (state IN ('processing', 'ready', 'remote', 'failed')),
    created_at   INTEGER NOT NULL
) STRICT;
CREATE INDEX media_of_post ON media (post, position) WHERE post IS NOT NULL;
CREATE INDEX media_of_owner ON media (owner);

-- A Delete that came before its Create, kept for thirty days.
CREATE TABLE early_deletes (
    uri      TEXT NOT NULL,
    actor    TEXT NOT NULL,                           -- another's Delete must not stand in the author's place
    kept_at  INTEGER NOT NULL,
    PRIMARY KEY (uri, actor)
) STRICT, WITHOUT ROWID;
CREATE INDEX early_deletes_when ON early_deletes (kept_at);

-- What an author has allowed, or refused, that others do with a post.
CREATE TABLE approvals (
    id          INTEGER PRIMARY KEY,
    uri         TEXT UNIQUE,                          -- of the approval itself (a stamp)
    kind        TEXT NOT NULL CHECK (kind IN ('reply', 'like', 'announce', 'quote')),
    target      INTEGER NOT NULL REFERENCES posts (id),
    actor       INTEGER NOT NULL REFERENCES actors (id),
    request     TEXT NOT NULL,                        -- URI of what is to be allowed
    state       TEXT NOT NULL CHECK (state IN ('pending', 'approved', 'rejected', 'revoked')),
    decided_at  INTEGER,
    UNIQUE (target, kind, request)
) STRICT;
