-- What a moderator decided about somebody; suspension is `state`, freezing is the account's own state.
ALTER TABLE actors ADD COLUMN silenced INTEGER NOT NULL DEFAULT 0 CHECK (silenced BETWEEN 0 AND 3);  -- 1: decided; 2: their server is limited
ALTER TABLE actors ADD COLUMN sensitized INTEGER NOT NULL DEFAULT 0 CHECK (sensitized IN (0, 1));
ALTER TABLE accounts ADD COLUMN frozen TEXT;           -- may read, may not act: what the stewards wrote about it

CREATE TABLE reports (
    id           INTEGER PRIMARY KEY,
    uri          TEXT NOT NULL UNIQUE,
    reporter     INTEGER NOT NULL REFERENCES actors (id),
    target       INTEGER NOT NULL REFERENCES actors (id),
    comment      TEXT NOT NULL DEFAULT '',
    category     TEXT NOT NULL DEFAULT 'other' CHECK (category IN ('spam', 'legal', 'violation', 'other')),
    rules        TEXT NOT NULL DEFAULT '[]',          -- JSON: [number of the rule]
    forwarded    INTEGER NOT NULL DEFAULT 0 CHECK (forwarded IN (0, 1)),
    assigned     INTEGER REFERENCES actors (id),
    acted_by     INTEGER REFERENCES actors (id),
    created_at   INTEGER NOT NULL,
    updated_at   INTEGER NOT NULL,
    resolved_at  INTEGER
) STRICT;
CREATE INDEX reports_about ON reports (target, id);
CREATE INDEX reports_by ON reports (reporter, id);
CREATE INDEX reports_open ON reports (id) WHERE resolved_at IS NULL;
CREATE TABLE report_posts (
    report  INTEGER NOT NULL REFERENCES reports (id) ON DELETE CASCADE,
    post    INTEGER NOT NULL REFERENCES posts (id) ON DELETE CASCADE,
    PRIMARY KEY (report, post)
) STRICT, WITHOUT ROWID;
CREATE INDEX reports_with ON report_posts (post);

-- Decisions about an account, with the words that went to its owner.
CREATE TABLE decisions (
    id          INTEGER PRIMARY KEY,
    moderator   INTEGER REFERENCES actors (id),       -- NULL: the command line
    target      INTEGER NOT NULL REFERENCES actors (id),
    action      TEXT NOT NULL CHECK (action IN ('none', 'warn', 'freeze', 'sensitive', 'silence', 'suspend')),
    text        TEXT NOT NULL DEFAULT '',
    report      INTEGER REFERENCES reports (id),
    created_at  INTEGER NOT NULL,
    undone_at   INTEGER,
    undone_by   INTEGER REFERENCES actors (id)
) STRICT;
CREATE INDEX decisions_about ON decisions (target, id);

-- Everything that somebody did by their office: append only.
CREATE TABLE audit_log (
    id          INTEGER PRIMARY KEY,
    actor       INTEGER REFERENCES actors (id),       -- NULL: the command line
    action      TEXT NOT NULL,
    subject     TEXT NOT NULL,                        -- 'actor 7', 'host evil.example', 'report 3'
    detail      TEXT NOT NULL DEFAULT '{}',           -- JSON
    created_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX audit_of_subject ON audit_log (subject, id);
CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit_log BEGIN
    SELECT RAISE(ABORT, 'append only');
END;
CREATE TRIGGER audit_is_never_shortened BEFORE DELETE ON audit_log BEGIN
    SELECT RAISE(ABORT, 'append only');
END;

-- What a notification tells of beside a post: a report, or a decision.
ALTER TABLE notifications ADD COLUMN about INTEGER;
DROP INDEX notifications_once;
CREATE UNIQUE INDEX notifications_once ON notifications (account, type, actor, ifnull(post, 0), ifnull(about, 0));

-- More about a host than its tier; `limit_id` is the number that moderation clients use.
ALTER TABLE hosts ADD COLUMN limit_id INTEGER;
ALTER TABLE hosts ADD COLUMN limited_at INTEGER;
ALTER TABLE hosts ADD COLUMN reject_media INTEGER NOT NULL DEFAULT 0 CHECK (reject_media IN (0, 1));
ALTER TABLE hosts ADD COLUMN reject_reports INTEGER NOT NULL DEFAULT 0 CHECK (reject_reports IN (0, 1));
ALTER TABLE hosts ADD COLUMN private_comment TEXT;
ALTER TABLE hosts ADD COLUMN public_comment TEXT;
ALTER TABLE hosts ADD COLUMN obfuscate INTEGER NOT NULL DEFAULT 0 CHECK (obfuscate IN (0, 1));
ALTER TABLE hosts ADD COLUMN strangers INTEGER NOT NULL DEFAULT 0;       -- letters from people whom nobody here follows,
ALTER TABLE hosts ADD COLUMN strangers_since INTEGER NOT NULL DEFAULT 0; -- and when that count began
CREATE UNIQUE INDEX hosts_by_limit ON hosts (limit_id) WHERE limit_id IS NOT NULL;

CREATE TABLE email_blocks (
    id          INTEGER PRIMARY KEY,
    domain      TEXT UNIQUE,                          -- a provider,
    hash        TEXT UNIQUE,                          -- or one address: SHA-256 of its canonical form
    created_at  INTEGER NOT NULL,
    CHECK ((domain IS NULL) <> (hash IS NULL))
) STRICT;
CREATE TABLE name_blocks (
    id          INTEGER PRIMARY KEY,
    name        TEXT NOT NULL UNIQUE COLLATE NOCASE,
    exact       INTEGER NOT NULL CHECK (exact IN (0, 1)),   -- 0: also as part of a name
    created_at  INTEGER NOT NULL
) STRICT;
CREATE TABLE ip_blocks (
    id          INTEGER PRIMARY KEY,
    network     TEXT NOT NULL UNIQUE,                 -- as ipaddress writes it
    severity    TEXT NOT NULL CHECK (severity IN ('sign_up_requires_approval', 'sign_up_block', 'no_access')),
    comment     TEXT NOT NULL DEFAULT '',
    created_at  INTEGER NOT NULL,
    expires_at  INTEGER
) STRICT;
