-- Tables under the names that the rest of the field uses (docs/glossary.md); rows stay as they are.
ALTER TABLE likes RENAME TO favourites;
DROP INDEX likes_of_actor;
DROP INDEX likes_of_post;
CREATE INDEX favourites_of_actor ON favourites (actor, id);
CREATE INDEX favourites_of_post ON favourites (post, id);

ALTER TABLE shares RENAME TO boosts;
DROP INDEX shares_of_actor;
DROP INDEX shares_of_post;
CREATE INDEX boosts_of_actor ON boosts (actor, id);
CREATE INDEX boosts_of_post ON boosts (post, id);

ALTER TABLE account_hosts RENAME TO user_domain_blocks;

-- Triggers would go along by themselves; their names would not.
ALTER TABLE tallies RENAME TO account_counts;
DROP TRIGGER tally_of_actor;
CREATE TRIGGER count_actor AFTER INSERT ON actors BEGIN
    INSERT INTO account_counts (actor) VALUES (new.id);
END;

DROP TRIGGER tally_post;
CREATE TRIGGER count_post AFTER INSERT ON posts
WHEN new.deleted_at IS NULL AND NOT new.local_only
    AND new.audience = (SELECT id FROM audiences WHERE kind = 'public') BEGIN
    UPDATE account_counts SET posts = posts + 1, newest = max(ifnull(newest, 0), new.published_at)
    WHERE actor = new.author;
END;

DROP TRIGGER tally_post_change;
CREATE TRIGGER count_changed_post AFTER UPDATE OF deleted_at, audience, local_only, author ON posts
WHEN old.deleted_at IS NOT new.deleted_at OR old.audience <> new.audience
    OR old.local_only <> new.local_only OR old.author <> new.author BEGIN
    UPDATE account_counts SET posts = posts - 1
    WHERE actor = old.author AND old.deleted_at IS NULL AND NOT old.local_only
        AND old.audience = (SELECT id FROM audiences WHERE kind = 'public');
    UPDATE account_counts SET posts = posts + 1
    WHERE actor = new.author AND new.deleted_at IS NULL AND NOT new.local_only
        AND new.audience = (SELECT id FROM audiences WHERE kind = 'public');
    UPDATE account_counts SET newest = (
        SELECT p.published_at FROM posts p
        WHERE p.author = account_counts.actor AND p.deleted_at IS NULL AND NOT p.local_only
            AND p.audience = (SELECT id FROM audiences WHERE kind = 'public')
        ORDER BY p.id DESC LIMIT 1
    )
    WHERE actor IN (old.author, new.author);
END;

DROP TRIGGER tally_follow;
CREATE TRIGGER count_follow AFTER INSERT ON follows WHEN new.state = 'accepted' BEGIN
    UPDATE account_counts SET followers = followers + 1 WHERE actor = new.target;
    UPDATE account_counts SET following = following + 1 WHERE actor = new.follower;
END;

DROP TRIGGER tally_follow_change;
CREATE TRIGGER count_changed_follow AFTER UPDATE OF state ON follows WHEN old.state <> new.state BEGIN
    UPDATE account_counts SET followers = followers + iif(new.state = 'accepted', 1, -1) WHERE actor = new.target;
    UPDATE account_counts SET following = following + iif(new.state = 'accepted', 1, -1) WHERE actor = new.follower;
END;

DROP TRIGGER tally_unfollow;
CREATE TRIGGER count_unfollow AFTER DELETE ON follows WHEN old.state = 'accepted' BEGIN
    UPDATE account_counts SET followers = followers - 1 WHERE actor = old.target;
    UPDATE account_counts SET following = following - 1 WHERE actor = old.follower;
END;
