-- Browsers in which somebody has logged in before, by the hash of a cookie: what strangers guess does not keep them out.
CREATE TABLE known_devices (
    account    INTEGER NOT NULL REFERENCES accounts (actor),
    hash       TEXT NOT NULL,
    last_seen  INTEGER NOT NULL,
    PRIMARY KEY (account, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX known_devices_by_hash ON known_devices (hash);
