-- Activities taken in: a durable queue, and the memory of what we have already heard.
CREATE TABLE received (
    id           INTEGER PRIMARY KEY,
    uri          TEXT NOT NULL UNIQUE,
    actor        TEXT NOT NULL,
    signer       TEXT NOT NULL,                       -- URI of the actor whose key signed
    host         TEXT NOT NULL,
    type         TEXT NOT NULL,
    verdict      TEXT NOT NULL CHECK (verdict IN ('authentic', 'hint')),
    body         TEXT,                                -- NULL once done
    state        TEXT NOT NULL CHECK (state IN ('due', 'held', 'done', 'refused', 'parked')),
    reason       TEXT,
    attempts     INTEGER NOT NULL DEFAULT 0,
    due          INTEGER NOT NULL,
    received_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX received_due ON received (due, id) WHERE state = 'due';
CREATE INDEX received_held ON received (state, id) WHERE state IN ('held', 'parked');
CREATE INDEX received_when ON received (received_at);

-- Signatures already used, for as long as they could be used again.
CREATE TABLE signatures_seen (
    digest  TEXT PRIMARY KEY,
    until   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX signatures_seen_until ON signatures_seen (until);

-- What our own actors said: one stored body for all who hear it.
CREATE TABLE activities (
    id            INTEGER PRIMARY KEY,
    uri           TEXT NOT NULL UNIQUE,
    actor         INTEGER NOT NULL REFERENCES actors (id),
    type          TEXT NOT NULL,
    object        TEXT NOT NULL,                      -- URI that orders deliveries: Create, Update, Delete of one thing
    post          INTEGER REFERENCES posts (id),      -- who may still see it is asked again when it is sent
    body          TEXT NOT NULL,
    published_at  INTEGER NOT NULL
) STRICT;
CREATE INDEX activities_of_actor ON activities (actor, id);
CREATE INDEX activities_about ON activities (post) WHERE post IS NOT NULL;
CREATE INDEX activities_to_forget ON activities (published_at) WHERE type NOT IN ('Create', 'Follow', 'Announce');

CREATE TABLE deliveries (
    id          INTEGER PRIMARY KEY,
    activity    INTEGER NOT NULL REFERENCES activities (id),
    host        TEXT NOT NULL,
    inbox       TEXT NOT NULL,
    object      TEXT NOT NULL,
    state       TEXT NOT NULL CHECK (state IN ('due', 'parked')),
    reason      TEXT,
    attempts    INTEGER NOT NULL DEFAULT 0,
    due         INTEGER NOT NULL,
    created_at  INTEGER NOT NULL,
    UNIQUE (activity, inbox)
) STRICT;
CREATE INDEX deliveries_of_host ON deliveries (host, due, id) WHERE state = 'due';
CREATE INDEX deliveries_in_order ON deliveries (host, object, id) WHERE state = 'due';
CREATE INDEX deliveries_parked ON deliveries (id) WHERE state = 'parked';

-- Other servers: the clock of each, so that letters behind a dead host are not looked at one by one.
CREATE TABLE hosts (
    host          TEXT PRIMARY KEY,
    tier          TEXT CHECK (tier IN ('blocked', 'limited', 'stranger', 'acquaintance', 'neighbour')),
    due           INTEGER,                            -- when the next letter may go; NULL: none waits
    open_at       INTEGER NOT NULL DEFAULT 0,         -- nothing is sent before
    failures      INTEGER NOT NULL DEFAULT 0,         -- in a row
    failed_days   INTEGER NOT NULL DEFAULT 0,         -- distinct days in a row
    failed_on     TEXT,                               -- the last of them
    last_error    TEXT,
    heard_at      INTEGER,
    reached_at    INTEGER
) STRICT, WITHOUT ROWID;
CREATE INDEX hosts_blocked ON hosts (host) WHERE tier = 'blocked';
CREATE INDEX hosts_due ON hosts (due) WHERE due IS NOT NULL;

CREATE TABLE jobs (
    id        INTEGER PRIMARY KEY,
    kind      TEXT NOT NULL,
    subject   TEXT NOT NULL,
    detail    TEXT NOT NULL DEFAULT '{}',             -- JSON
    state     TEXT NOT NULL DEFAULT 'due' CHECK (state IN ('due', 'parked')),
    reason    TEXT,
    attempts  INTEGER NOT NULL DEFAULT 0,
    due       INTEGER NOT NULL,
    UNIQUE (kind, subject)
) STRICT;
CREATE INDEX jobs_due ON jobs (due, id) WHERE state = 'due';
