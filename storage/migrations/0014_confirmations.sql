-- Addresses that nobody has shown to be theirs yet: of those who sign up, and of members who want another.
CREATE TABLE confirmations (
    account     INTEGER PRIMARY KEY REFERENCES accounts (actor),
    email       TEXT NOT NULL,
    canonical   TEXT NOT NULL,                        -- hash, without what makes one mailbox look like many
    purpose     TEXT NOT NULL CHECK (purpose IN ('enter', 'ask', 'change')),
    invitation  TEXT,                                 -- its hash: given back when nobody comes
    hash        TEXT UNIQUE,                          -- of the secret in the last letter
    letters     INTEGER NOT NULL DEFAULT 0,
    sent_at     INTEGER,
    expires_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX confirmations_by_end ON confirmations (expires_at);
CREATE INDEX confirmations_by_address ON confirmations (canonical, sent_at);
