-- What was decided here, what their server says, and whether their server is blocked stand apart; what all
-- three come to is computed: `effective_state`.
ALTER TABLE actors RENAME COLUMN state TO moderation_state;
ALTER TABLE actors RENAME COLUMN suspended_there TO remote_suspended;
ALTER TABLE actors ADD COLUMN host_blocked INTEGER NOT NULL DEFAULT 0 CHECK (host_blocked IN (0, 1));

-- Who was hidden without a word of their server was so by a block; who was by a word may be so by both.
UPDATE actors SET host_blocked = 1 WHERE own_state IS NOT NULL AND (
    NOT remote_suspended OR EXISTS (
        SELECT 1 FROM hosts h WHERE h.tier = 'blocked'
        AND (h.host IN (actors.host, actors.domain)
            OR substr(actors.host, -length(h.host) - 1) = '.' || h.host
            OR substr(actors.domain, -length(h.host) - 1) = '.' || h.host)
    )
);
UPDATE actors SET moderation_state = own_state WHERE own_state IS NOT NULL;
ALTER TABLE actors DROP COLUMN own_state;
ALTER TABLE actors ADD COLUMN effective_state TEXT GENERATED ALWAYS AS (
    CASE
        WHEN moderation_state = 'deleted' THEN 'deleted'
        WHEN host_blocked OR remote_suspended THEN 'suspended'
        ELSE moderation_state
    END
) VIRTUAL;

-- Once more for hosts whose names say more than a comparison of text can: the job looks at each of their people.
UPDATE hosts SET unsettled = 1 WHERE tier = 'blocked';
