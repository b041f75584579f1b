"""Common ground of verbs about somebody's post: the post, as the actor may see it."""

from federation.activity import Unknown
from federation.policy import ensure_not_blocked, viewer_of
from storage.engine.transaction import Reader
from storage.people import actors
from storage.people.actors import Actor
from storage.posts import posts, visible_posts
from storage.posts.posts import Post


def actor_and_post(reader: Reader, actor: str, post: str) -> tuple[Actor, Post]:
    """Actor and post, when the actor may see the post (SECURITY 76). Raises Unknown, Unwanted."""
    who = find_actor(reader, actor)
    seen = visible_posts.by_uri(reader, viewer_of(who), post)
    if seen is None:
        raise Unknown("The post is not known here, or not meant for who refers to it.")
    ensure_not_blocked(reader, seen.author, who.id)
    return who, seen


def find_actor(reader: Reader, uri: str) -> Actor:
    who = actors.by_uri(reader, uri)
    if who is None:
        raise Unknown("Who says it is not known here.")
    return who


def author_inbox(reader: Reader, post: str, *, for_many: bool = False) -> tuple[str, ...]:
    """Inbox in which the author of a post hears of it, if they live elsewhere."""
    known = posts.by_uri(reader, post)
    author = actors.by_id(reader, known.author) if known else None
    if author is None or author.is_local:
        return ()
    return (author.inbox_for_many if for_many else author.inbox,)
