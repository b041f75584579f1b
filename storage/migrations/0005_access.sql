CREATE TABLE apps (
    id             INTEGER PRIMARY KEY,
    client_id      TEXT NOT NULL UNIQUE,
    secret         TEXT NOT NULL,                     -- SHA-256, as everything secret here
    name           TEXT NOT NULL,
    website        TEXT,
    redirect_uris  TEXT NOT NULL,                     -- JSON: [exact string]
    scopes         TEXT NOT NULL,                     -- separated by spaces
    created_at     INTEGER NOT NULL
) STRICT;

CREATE TABLE tokens (
    id            INTEGER PRIMARY KEY,
    hash          TEXT NOT NULL UNIQUE,
    app           INTEGER NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    account       INTEGER REFERENCES accounts (actor),  -- NULL: the app itself
    scopes        TEXT NOT NULL,
    created_at    INTEGER NOT NULL,
    last_used_at  INTEGER
) STRICT;
CREATE INDEX tokens_of_account ON tokens (account);
CREATE INDEX tokens_of_app ON tokens (app);

CREATE TABLE codes (
    hash          TEXT PRIMARY KEY,
    app           INTEGER NOT NULL REFERENCES apps (id) ON DELETE CASCADE,
    account       INTEGER NOT NULL REFERENCES accounts (actor),
    redirect_uri  TEXT NOT NULL,
    scopes        TEXT NOT NULL,
    challenge     TEXT,                               -- PKCE S256
    expires_at    INTEGER NOT NULL,
    token         INTEGER,                            -- what it was exchanged for: a second use revokes it
    used_at       INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX codes_of_account ON codes (account);
CREATE INDEX codes_of_app ON codes (app);

CREATE TABLE sessions (
    id            INTEGER PRIMARY KEY,
    hash          TEXT NOT NULL UNIQUE,
    account       INTEGER NOT NULL REFERENCES accounts (actor),
    agent         TEXT NOT NULL DEFAULT '',
    created_at    INTEGER NOT NULL,
    last_used_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX sessions_of_account ON sessions (account);

CREATE TABLE resets (
    hash        TEXT PRIMARY KEY,
    account     INTEGER NOT NULL REFERENCES accounts (actor),
    expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX resets_of_account ON resets (account);

CREATE TABLE invitations (
    hash        TEXT PRIMARY KEY,
    sponsor     INTEGER REFERENCES actors (id),
    uses        INTEGER NOT NULL DEFAULT 0,
    most_uses   INTEGER NOT NULL,
    expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency (
    account     INTEGER NOT NULL REFERENCES accounts (actor),
    key         TEXT NOT NULL,
    post        INTEGER,
    created_at  INTEGER NOT NULL,
    PRIMARY KEY (account, key)
) STRICT, WITHOUT ROWID;
