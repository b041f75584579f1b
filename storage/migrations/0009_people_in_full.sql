CREATE TABLE lists (
    id              INTEGER PRIMARY KEY,
    owner           INTEGER NOT NULL REFERENCES actors (id),
    title           TEXT NOT NULL,
    replies_policy  TEXT NOT NULL DEFAULT 'list' CHECK (replies_policy IN ('followed', 'list', 'none')),
    exclusive       INTEGER NOT NULL DEFAULT 0 CHECK (exclusive IN (0, 1))
) STRICT;
CREATE INDEX lists_of_owner ON lists (owner, id);
CREATE TABLE list_members (
    list    INTEGER NOT NULL REFERENCES lists (id) ON DELETE CASCADE,
    actor   INTEGER NOT NULL REFERENCES actors (id),
    cursor  INTEGER NOT NULL,                         -- in which order they were added
    PRIMARY KEY (list, actor)
) STRICT, WITHOUT ROWID;
CREATE INDEX lists_with ON list_members (actor, list);
-- Fanned out when said, as home_entries.
CREATE TABLE list_entries (
    list   INTEGER NOT NULL REFERENCES lists (id) ON DELETE CASCADE,
    entry  INTEGER NOT NULL,
    post   INTEGER NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    share  INTEGER REFERENCES shares (id) ON DELETE CASCADE,
    PRIMARY KEY (list, entry)
) STRICT, WITHOUT ROWID;
CREATE INDEX list_entries_of_post ON list_entries (post, list);
CREATE INDEX list_entries_of_share ON list_entries (share) WHERE share IS NOT NULL;

CREATE TABLE account_notes (
    account  INTEGER NOT NULL REFERENCES actors (id),
    target   INTEGER NOT NULL REFERENCES actors (id),
    comment  TEXT NOT NULL,
    PRIMARY KEY (account, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX notes_about ON account_notes (target);

-- Hosts of which one member wants to see nothing.
CREATE TABLE account_hosts (
    id       INTEGER PRIMARY KEY,
    account  INTEGER NOT NULL REFERENCES actors (id),
    host     TEXT NOT NULL,
    UNIQUE (account, host)
) STRICT;

CREATE TABLE followed_tags (
    id       INTEGER PRIMARY KEY,
    account  INTEGER NOT NULL REFERENCES actors (id),
    tag      INTEGER NOT NULL REFERENCES tags (id),
    UNIQUE (account, tag)
) STRICT;
CREATE INDEX followers_of_tag ON followed_tags (tag);
CREATE TABLE featured_tags (
    id     INTEGER PRIMARY KEY,
    actor  INTEGER NOT NULL REFERENCES actors (id),
    tag    INTEGER NOT NULL REFERENCES tags (id),
    name   TEXT NOT NULL,                             -- as written
    UNIQUE (actor, tag)
) STRICT;
CREATE TABLE endorsements (
    id      INTEGER PRIMARY KEY,
    actor   INTEGER NOT NULL REFERENCES actors (id),
    target  INTEGER NOT NULL REFERENCES actors (id),
    UNIQUE (actor, target)
) STRICT;
CREATE INDEX endorsed_by ON endorsements (target);

-- People whom somebody does not want to have suggested again.
CREATE TABLE dismissed_suggestions (
    account  INTEGER NOT NULL REFERENCES actors (id),
    target   INTEGER NOT NULL REFERENCES actors (id),
    PRIMARY KEY (account, target)
) STRICT, WITHOUT ROWID;
CREATE INDEX dismissed_by ON dismissed_suggestions (target);

CREATE TABLE filters (
    id          INTEGER PRIMARY KEY,
    account     INTEGER NOT NULL REFERENCES actors (id),
    title       TEXT NOT NULL,
    contexts    TEXT NOT NULL,                        -- JSON: of home, notifications, public, thread, account
    action      TEXT NOT NULL CHECK (action IN ('warn', 'hide', 'blur')),
    expires_at  INTEGER
) STRICT;
CREATE INDEX filters_of_account ON filters (account, id);
CREATE TABLE filter_keywords (
    id          INTEGER PRIMARY KEY,
    filter      INTEGER NOT NULL REFERENCES filters (id) ON DELETE CASCADE,
    keyword     TEXT NOT NULL,
    whole_word  INTEGER NOT NULL CHECK (whole_word IN (0, 1))
) STRICT;
CREATE INDEX keywords_of_filter ON filter_keywords (filter, id);
CREATE TABLE filter_posts (
    id      INTEGER PRIMARY KEY,
    filter  INTEGER NOT NULL REFERENCES filters (id) ON DELETE CASCADE,
    post    INTEGER NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    UNIQUE (filter, post)
) STRICT;
CREATE INDEX filtered_post ON filter_posts (post);

ALTER TABLE actors ADD COLUMN moved_at INTEGER;       -- when one of ours moved away: the start of the cool-down

-- Files that a member asked for (the archive of what they said), until they expire.
CREATE TABLE exports (
    id          INTEGER PRIMARY KEY,
    account     INTEGER NOT NULL REFERENCES actors (id),
    kind        TEXT NOT NULL,
    file        TEXT UNIQUE,                          -- NULL until it is ready
    bytes       INTEGER,
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX exports_of_account ON exports (account, id);

CREATE TABLE imports (
    id          INTEGER PRIMARY KEY,
    account     INTEGER NOT NULL REFERENCES actors (id),
    kind        TEXT NOT NULL CHECK (kind IN ('follows', 'blocks', 'mutes', 'lists', 'bookmarks', 'domain_blocks')),
    mode        TEXT NOT NULL CHECK (mode IN ('merge', 'overwrite')),
    created_at  INTEGER NOT NULL,
    closed_at   INTEGER
) STRICT;
CREATE INDEX imports_of_account ON imports (account, id);
CREATE TABLE import_rows (
    import    INTEGER NOT NULL REFERENCES imports (id) ON DELETE CASCADE,
    position  INTEGER NOT NULL,
    row       TEXT NOT NULL,                          -- JSON
    state     TEXT NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'done', 'failed')),
    reason    TEXT,
    PRIMARY KEY (import, position)
) STRICT, WITHOUT ROWID;

-- Whoever is taken out is looked for here.
CREATE INDEX muted_by ON mutes (target, actor);
CREATE INDEX approvals_of_actor ON approvals (actor);
CREATE INDEX consents_of_actor ON consents (actor);
