-- What every account shows beside its name, so that showing 40 people reads 40 rows, not all they said.
-- The triggers keep it true whoever changes the rows that are counted.
CREATE TABLE tallies (
    actor      INTEGER PRIMARY KEY REFERENCES actors (id) ON DELETE CASCADE,
    posts      INTEGER NOT NULL DEFAULT 0,            -- not deleted, not for named people only
    newest     INTEGER,                               -- when the newest of them was published, ms
    followers  INTEGER NOT NULL DEFAULT 0,            -- accepted
    following  INTEGER NOT NULL DEFAULT 0             -- accepted
) STRICT;

INSERT INTO tallies (actor, posts, newest, followers, following)
SELECT c.id,
       (SELECT count(*) FROM posts p JOIN audiences a ON a.id = p.audience
        WHERE p.author = c.id AND p.deleted_at IS NULL AND a.kind <> 'named'),
       (SELECT max(p.published_at) FROM posts p JOIN audiences a ON a.id = p.audience
        WHERE p.author = c.id AND p.deleted_at IS NULL AND a.kind <> 'named'),
       (SELECT count(*) FROM follows f WHERE f.target = c.id AND f.state = 'accepted'),
       (SELECT count(*) FROM follows f WHERE f.follower = c.id AND f.state = 'accepted')
FROM actors c;

CREATE TRIGGER tally_of_actor AFTER INSERT ON actors BEGIN
    INSERT INTO tallies (actor) VALUES (new.id);
END;

CREATE TRIGGER tally_post AFTER INSERT ON posts
WHEN new.deleted_at IS NULL AND new.audience <> (SELECT id FROM audiences WHERE kind = 'named') BEGIN
    UPDATE tallies SET posts = posts + 1, newest = max(ifnull(newest, 0), new.published_at)
    WHERE actor = new.author;
END;

CREATE TRIGGER tally_post_change AFTER UPDATE OF deleted_at, audience, author ON posts
WHEN old.deleted_at IS NOT new.deleted_at OR old.audience <> new.audience OR old.author <> new.author BEGIN
    UPDATE tallies SET posts = posts - 1
    WHERE actor = old.author AND old.deleted_at IS NULL
        AND old.audience <> (SELECT id FROM audiences WHERE kind = 'named');
    UPDATE tallies SET posts = posts + 1
    WHERE actor = new.author AND new.deleted_at IS NULL
        AND new.audience <> (SELECT id FROM audiences WHERE kind = 'named');
    UPDATE tallies SET newest = (
        SELECT p.published_at FROM posts p JOIN audiences a ON a.id = p.audience
        WHERE p.author = tallies.actor AND p.deleted_at IS NULL AND a.kind <> 'named'
        ORDER BY p.id DESC LIMIT 1
    )
    WHERE actor IN (old.author, new.author);
END;

CREATE TRIGGER tally_follow AFTER INSERT ON follows WHEN new.state = 'accepted' BEGIN
    UPDATE tallies SET followers = followers + 1 WHERE actor = new.target;
    UPDATE tallies SET following = following + 1 WHERE actor = new.follower;
END;

CREATE TRIGGER tally_follow_change AFTER UPDATE OF state ON follows WHEN old.state <> new.state BEGIN
    UPDATE tallies SET followers = followers + iif(new.state = 'accepted', 1, -1) WHERE actor = new.target;
    UPDATE tallies SET following = following + iif(new.state = 'accepted', 1, -1) WHERE actor = new.follower;
END;

CREATE TRIGGER tally_unfollow AFTER DELETE ON follows WHEN old.state = 'accepted' BEGIN
    UPDATE tallies SET followers = followers - 1 WHERE actor = old.target;
    UPDATE tallies SET following = following - 1 WHERE actor = old.follower;
END;
