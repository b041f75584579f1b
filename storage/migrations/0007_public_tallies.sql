-- Anybody may see a tally, so it counts only what anybody may read: else it tells that there was a post, and when.
DROP TRIGGER tally_post;
DROP TRIGGER tally_post_change;

UPDATE tallies SET
    posts = (SELECT count(*) FROM posts p JOIN audiences a ON a.id = p.audience
        WHERE p.author = tallies.actor AND p.deleted_at IS NULL AND a.kind = 'public' AND NOT p.local_only),
    newest = (SELECT max(p.published_at) FROM posts p JOIN audiences a ON a.id = p.audience
        WHERE p.author = tallies.actor AND p.deleted_at IS NULL AND a.kind = 'public' AND NOT p.local_only);

CREATE TRIGGER tally_post AFTER INSERT ON posts
WHEN new.deleted_at IS NULL AND NOT new.local_only
    AND new.audience = (SELECT id FROM audiences WHERE kind = 'public') BEGIN
    UPDATE tallies SET posts = posts + 1, newest = max(ifnull(newest, 0), new.published_at)
    WHERE actor = new.author;
END;

CREATE TRIGGER tally_post_change AFTER UPDATE OF deleted_at, audience, local_only, author ON posts
WHEN old.deleted_at IS NOT new.deleted_at OR old.audience <> new.audience
    OR old.local_only <> new.local_only OR old.author <> new.author BEGIN
    UPDATE tallies SET posts = posts - 1
    WHERE actor = old.author AND old.deleted_at IS NULL AND NOT old.local_only
        AND old.audience = (SELECT id FROM audiences WHERE kind = 'public');
    UPDATE tallies SET posts = posts + 1
    WHERE actor = new.author AND new.deleted_at IS NULL AND NOT new.local_only
        AND new.audience = (SELECT id FROM audiences WHERE kind = 'public');
    UPDATE tallies SET newest = (
        SELECT p.published_at FROM posts p
        WHERE p.author = tallies.actor AND p.deleted_at IS NULL AND NOT p.local_only
            AND p.audience = (SELECT id FROM audiences WHERE kind = 'public')
        ORDER BY p.id DESC LIMIT 1
    )
    WHERE actor IN (old.author, new.author);
END;
