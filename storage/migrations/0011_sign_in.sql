-- A second factor. The secret is sealed with the instance secret, which is not in the database.
CREATE TABLE totp (
    account       INTEGER PRIMARY KEY REFERENCES accounts (actor),
    sealed        BLOB NOT NULL,
    confirmed_at  INTEGER,                            -- NULL: begun, not in force
    last_step     INTEGER NOT NULL DEFAULT 0          -- a code counts once
) STRICT;
CREATE TABLE recovery_codes (
    account  INTEGER NOT NULL REFERENCES accounts (actor),
    hash     TEXT NOT NULL,
    used_at  INTEGER,
    PRIMARY KEY (account, hash)
) STRICT, WITHOUT ROWID;
CREATE TABLE passkeys (
    id             INTEGER PRIMARY KEY,
    account        INTEGER NOT NULL REFERENCES accounts (actor),
    credential_id  BLOB NOT NULL UNIQUE,
    public_key     BLOB NOT NULL,                     -- COSE
    sign_count     INTEGER NOT NULL,
    name           TEXT NOT NULL,
    created_at     INTEGER NOT NULL,
    last_used_at   INTEGER
) STRICT;
CREATE INDEX passkeys_of_account ON passkeys (account);

-- Begun and not finished: a log-in that waits for its second factor, or a passkey's ceremony.
CREATE TABLE challenges (
    hash        TEXT PRIMARY KEY,
    account     INTEGER REFERENCES accounts (actor),
    kind        TEXT NOT NULL,
    detail      TEXT NOT NULL DEFAULT '{}',           -- JSON
    attempts    INTEGER NOT NULL DEFAULT 0,
    expires_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX challenges_by_end ON challenges (expires_at);
CREATE INDEX challenges_of_account ON challenges (account) WHERE account IS NOT NULL;

-- Browsers and networks from which somebody has logged in before: only what is new is told by mail.
CREATE TABLE known_places (
    account    INTEGER NOT NULL REFERENCES accounts (actor),
    hash       TEXT NOT NULL,
    last_seen  INTEGER NOT NULL,
    PRIMARY KEY (account, hash)
) STRICT, WITHOUT ROWID;

ALTER TABLE sessions ADD COLUMN address TEXT NOT NULL DEFAULT '';   -- network only: /24 or /64
ALTER TABLE sessions ADD COLUMN proven_at INTEGER;                  -- when a password or factor was last given
