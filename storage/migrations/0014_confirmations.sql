-- Addresses that nobody has shown to be theirs yet: of those who sign up, and of members who want another.
-- `hash` is of the secret in the letter, once it is written; until then an account keeps what its `email` was.
CREATE TABLE confirmations (
    account     INTEGER PRIMARY KEY REFERENCES accounts (actor),
    email       TEXT NOT NULL,
    purpose     TEXT NOT NULL CHECK (purpose IN ('enter', 'ask', 'change')),
    hash        TEXT UNIQUE,
    sent_at     INTEGER,
    expires_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX confirmations_by_end ON confirmations (expires_at);
