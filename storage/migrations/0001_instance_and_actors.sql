-- What this instance is. `domain` stands in handles, `web_domain` in URIs; neither may change afterwards.
CREATE TABLE instance (
    key    TEXT PRIMARY KEY,
    value  TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- Everybody we know: people, communities, helpers, servers. One namespace of handles.
CREATE TABLE actors (
    id                INTEGER PRIMARY KEY,            -- milliseconds << 16 | sequence
    uri               TEXT NOT NULL UNIQUE,
    type              TEXT NOT NULL CHECK (type IN ('Person', 'Service', 'Group', 'Organization', 'Application')),
    name              TEXT NOT NULL COLLATE NOCASE,   -- preferredUsername
    domain            TEXT NOT NULL,                  -- of the handle; '' is ours
    host              TEXT NOT NULL,                  -- authority of the URI; '' is ours
    display_name      TEXT NOT NULL DEFAULT '',
    summary           TEXT NOT NULL DEFAULT '',       -- safe HTML
    summary_source    TEXT,                           -- what a member of ours wrote
    fields            TEXT NOT NULL DEFAULT '[]',     -- JSON: [{name, value: safe HTML, source, verified_at}]
    url               TEXT,                           -- for display only, never an authority
    inbox             TEXT NOT NULL,
    shared_inbox      TEXT,
    outbox            TEXT,
    followers         TEXT,
    following         TEXT,
    featured          TEXT,
    avatar            TEXT,                           -- ours: name of a file in media; theirs: a URL
    header            TEXT,
    locked            INTEGER NOT NULL DEFAULT 0 CHECK (locked IN (0, 1)),       -- manuallyApprovesFollowers
    bot               INTEGER NOT NULL DEFAULT 0 CHECK (bot IN (0, 1)),
    discoverable      INTEGER NOT NULL DEFAULT 0 CHECK (discoverable IN (0, 1)),
    indexable         INTEGER NOT NULL DEFAULT 0 CHECK (indexable IN (0, 1)),
    hide_collections  INTEGER NOT NULL DEFAULT 0 CHECK (hide_collections IN (0, 1)),
    access            TEXT NOT NULL DEFAULT 'open' CHECK (access IN ('open', 'closed', 'private')),
    also_known_as     TEXT NOT NULL DEFAULT '[]',     -- JSON: [URI]
    moved_to          TEXT,
    state             TEXT NOT NULL DEFAULT 'active' CHECK (state IN ('pending', 'active', 'suspended', 'deleted')),
    created_at        INTEGER NOT NULL,               -- milliseconds, as every moment here
    fetched_at        INTEGER,                        -- NULL for ours
    version           INTEGER NOT NULL DEFAULT 1,     -- raised by every change, for caches
    UNIQUE (name, domain)
) STRICT;
CREATE INDEX actors_of_host ON actors (host);
CREATE INDEX actors_by_page ON actors (url) WHERE url IS NOT NULL;
CREATE INDEX actors_by_followers ON actors (followers) WHERE followers IS NOT NULL;

CREATE TABLE keys (
    id          INTEGER PRIMARY KEY,
    actor       INTEGER NOT NULL REFERENCES actors (id) ON DELETE CASCADE,
    uri         TEXT NOT NULL UNIQUE,
    algorithm   TEXT NOT NULL CHECK (algorithm IN ('rsa', 'ed25519')),
    public      TEXT NOT NULL,                        -- PEM
    private     TEXT,                                 -- PEM, for ours
    created_at  INTEGER NOT NULL,
    fetched_at  INTEGER,
    revoked_at  INTEGER
) STRICT;
CREATE INDEX keys_of_actor ON keys (actor);

-- Somebody of ours who logs in.
CREATE TABLE accounts (
    actor         INTEGER PRIMARY KEY REFERENCES actors (id),
    email         TEXT NOT NULL UNIQUE COLLATE NOCASE,
    password      TEXT NOT NULL,                      -- argon2id
    role          TEXT NOT NULL DEFAULT 'member' CHECK (role IN ('member', 'steward', 'admin')),
    state         TEXT NOT NULL CHECK (state IN ('pending', 'active', 'disabled', 'deleted')),
    reason        TEXT,                               -- the answer to the charter's question
    agreed_to     INTEGER,                            -- charter
    invited_by    INTEGER REFERENCES actors (id),
    locale        TEXT NOT NULL DEFAULT 'en',
    settings      TEXT NOT NULL DEFAULT '{}',         -- JSON
    created_at    INTEGER NOT NULL,
    approved_at   INTEGER,
    last_used_at  INTEGER
) STRICT, WITHOUT ROWID;

-- Members, stewards, circles, neighbours: named sets of actors with roles and states.
CREATE TABLE collections (
    id          INTEGER PRIMARY KEY,
    owner       INTEGER NOT NULL REFERENCES actors (id),
    kind        TEXT NOT NULL CHECK (kind IN ('members', 'stewards', 'circle', 'neighbours', 'featured')),
    name        TEXT NOT NULL DEFAULT '',
    uri         TEXT UNIQUE,
    created_at  INTEGER NOT NULL,
    UNIQUE (owner, kind, name)
) STRICT;
CREATE TABLE collection_members (
    collection  INTEGER NOT NULL REFERENCES collections (id) ON DELETE CASCADE,
    actor       INTEGER NOT NULL REFERENCES actors (id),
    role        TEXT NOT NULL DEFAULT 'member',
    state       TEXT NOT NULL CHECK (state IN ('invited', 'asked', 'active', 'paused', 'banned', 'left')),
    uri         TEXT,                                 -- of the activity that made it
    since       INTEGER NOT NULL,
    until       INTEGER,
    PRIMARY KEY (collection, actor)
) STRICT, WITHOUT ROWID;
CREATE INDEX collections_of_actor ON collection_members (actor, state);

-- What a community (or the instance) has agreed on: every version, for ever.
CREATE TABLE charters (
    id            INTEGER PRIMARY KEY,
    uri           TEXT NOT NULL UNIQUE,
    owner         INTEGER NOT NULL REFERENCES actors (id),
    version       INTEGER NOT NULL,
    name          TEXT NOT NULL,
    purpose       TEXT NOT NULL,                      -- plain text, paragraphs
    commitments   TEXT NOT NULL,                      -- JSON: [{text, hint}]
    terms         TEXT NOT NULL DEFAULT '[]',         -- JSON: [{id, name, summary, close_to}]
    question      TEXT,
    published_at  INTEGER NOT NULL,
    in_force_at   INTEGER NOT NULL,
    document      TEXT,                               -- as signed, once it is
    UNIQUE (owner, version)
) STRICT;
-- (In a table WITHOUT ROWID the key's columns come first: quick_check of SQLite 3.40 errs otherwise.)
CREATE TABLE consents (
    charter   INTEGER NOT NULL REFERENCES charters (id),
    actor     INTEGER NOT NULL REFERENCES actors (id),
    given_at  INTEGER NOT NULL,
    answer    TEXT NOT NULL CHECK (answer IN ('agree', 'concern', 'not yet')),
    PRIMARY KEY (charter, actor, given_at)
) STRICT, WITHOUT ROWID;
