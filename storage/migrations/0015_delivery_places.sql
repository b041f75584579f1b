-- Whose turn it is to get deliveries. Names cost nothing to whoever owns a domain, so hosts take turns
-- by source, the registrable domain, and those that are not known to answer by themselves.
ALTER TABLE hosts ADD COLUMN source TEXT;                    -- NULL: the courier has yet to look it up
ALTER TABLE hosts ADD COLUMN slow INTEGER NOT NULL DEFAULT 0 CHECK (slow IN (0, 1)); -- its last answer was
-- 0 known to answer, 1 never reached, 2 failing or slow, 3 failing for a week: `Standing` in storage/queues/hosts.py
ALTER TABLE hosts ADD COLUMN standing INTEGER NOT NULL GENERATED ALWAYS AS (
    CASE WHEN failed_days >= 7 THEN 3 WHEN failures > 0 OR slow THEN 2 WHEN reached_at IS NULL THEN 1 ELSE 0 END
) VIRTUAL;

DROP INDEX hosts_due;
CREATE INDEX hosts_by_turn ON hosts (source, standing, due) WHERE due IS NOT NULL;
CREATE INDEX hosts_without_source ON hosts (host) WHERE source IS NULL AND due IS NOT NULL;

-- Only while something waits: the earliest due time of a source's hosts of one standing, and none before
-- it was last served, so that nobody who keeps much waiting is always the first.
CREATE TABLE delivery_turns (
    source     TEXT NOT NULL,
    standing   INTEGER NOT NULL,
    due        INTEGER,
    served_at  INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (source, standing)
) STRICT, WITHOUT ROWID;
CREATE INDEX delivery_turns_due ON delivery_turns (standing, due);
