-- What members wrote to be posted later: as their client asked for it, until it is composed.
CREATE TABLE scheduled_posts (
    id      INTEGER PRIMARY KEY,
    author  INTEGER NOT NULL REFERENCES accounts (actor),
    due     INTEGER NOT NULL,
    wish    TEXT NOT NULL,                            -- JSON
    reason  TEXT                                      -- why it could not be posted; its author may set another time
) STRICT;
CREATE INDEX scheduled_posts_of_author ON scheduled_posts (author, id);
CREATE INDEX scheduled_posts_by_day ON scheduled_posts (author, due);
CREATE INDEX scheduled_posts_due ON scheduled_posts (due, id) WHERE reason IS NULL;

-- A file that is meant for one of them hangs nowhere else, and is no stray.
ALTER TABLE media ADD COLUMN scheduled INTEGER REFERENCES scheduled_posts (id) ON DELETE SET NULL;
CREATE INDEX media_of_scheduled ON media (scheduled) WHERE scheduled IS NOT NULL;

-- A stamp that could not be had is asked for again.
ALTER TABLE approvals ADD COLUMN attempts INTEGER NOT NULL DEFAULT 0;
ALTER TABLE approvals ADD COLUMN due INTEGER NOT NULL DEFAULT 0;
DROP INDEX approvals_to_check;
CREATE INDEX approvals_to_check ON approvals (due, id) WHERE state = 'pending' AND decided_at IS NULL AND uri IS NOT NULL;
UPDATE approvals SET decided_at = NULL WHERE state = 'pending' AND uri IS NOT NULL;

-- How often the emoji of a server changed: a part of the keys under which bytes of its posts and people are kept.
ALTER TABLE hosts ADD COLUMN emojis INTEGER NOT NULL DEFAULT 0;

-- What was said and became no post: a vote.
CREATE INDEX activities_of_no_post ON activities (published_at) WHERE type = 'Create' AND post IS NULL;

-- Whether their own server says that they are suspended. While it does, or is blocked, `own_state` waits.
ALTER TABLE actors ADD COLUMN suspended_there INTEGER NOT NULL DEFAULT 0 CHECK (suspended_there IN (0, 1));
