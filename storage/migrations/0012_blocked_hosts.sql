-- Nothing of a blocked server is shown to anybody: the `state` of its actors says so, and what they are for
-- themselves waits here until it is blocked no more.
ALTER TABLE actors ADD COLUMN own_state TEXT CHECK (own_state IN ('pending', 'active', 'suspended', 'deleted'));
DROP INDEX actors_of_host;
CREATE INDEX actors_of_host ON actors (host, domain);

-- How often a tier was set since the host's actors last followed it; 0: they do.
ALTER TABLE hosts ADD COLUMN unsettled INTEGER NOT NULL DEFAULT 0;
CREATE INDEX hosts_unsettled ON hosts (host) WHERE unsettled > 0;
UPDATE hosts SET unsettled = 1 WHERE tier = 'blocked';

-- Whose server a Delete that came early is from: no server may fill the table.
ALTER TABLE early_deletes ADD COLUMN host TEXT NOT NULL DEFAULT '';
CREATE INDEX early_deletes_of_host ON early_deletes (host, kept_at);
