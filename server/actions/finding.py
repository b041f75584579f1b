"""The post or the person that something is done about, as far as whoever does it may see them."""

from collections.abc import Callable

from server.refusals import NotThere
from storage.engine.ids import ActorId, PostId
from storage.engine.transaction import Reader
from storage.people import actors
from storage.people.actors import Actor
from storage.posts import boosts, visible_posts
from storage.posts.visibility import Viewer
from storage.posts.visible_posts import Post

HasOnPost = Callable[[Reader, ActorId, PostId], bool]
HasOnActor = Callable[[Reader, ActorId, ActorId], bool]
"""Test of whether a member has a row of their own about a post, or an actor."""


def has_none(reader: Reader, me: ActorId, id_: int) -> bool:
    """Say that there is no row: for what is no taking back."""
    return False


def visible_post(reader: Reader, viewer: Viewer, id_: PostId) -> Post:
    """The post, or the one that a boost of that number brought. Raises NotThere."""
    post = visible_posts.by_id(reader, viewer, id_)
    if post is None:
        boost = boosts.find_visible(reader, viewer, id_)
        post = visible_posts.by_id(reader, viewer, boost.post) if boost else None
    if post is None:
        raise NotThere
    return post


def own_post(reader: Reader, author: Actor, viewer: Viewer, id_: PostId) -> Post:
    """A post that they wrote themselves. Raises NotThere."""
    post = visible_posts.by_id(reader, viewer, id_)
    if post is None or post.author != author.id:
        raise NotThere
    return post


def post_to_take_back_from(
    reader: Reader, viewer: Viewer, me: ActorId, id_: PostId, has: HasOnPost
) -> Post:
    """The post with which somebody did something that they take back. Raises NotThere.

    That needs their own row, and not that they may see the post still.
    """
    seen = visible_posts.by_id(reader, viewer, id_)
    if seen is not None:
        return seen
    boost = boosts.by_id(reader, id_)
    if boost is not None and (
        boost.actor == me or boosts.find_visible(reader, viewer, boost.id) is not None
    ):
        id_ = boost.post
    post = visible_posts.by_id(reader, viewer, id_)
    if post is None and has(reader, me, id_):
        post = visible_posts.once_seen(reader, id_)
    if post is None:
        raise NotThere
    return post


def is_visible(actor: Actor) -> bool:
    """Whether people see this actor: nobody who waits, left or was turned out, nor the server."""
    return actor.effective_state == "active" and actor.type != "Application"


def visible_actor(reader: Reader, id_: ActorId) -> Actor:
    """An actor that is there for people to see. Raises NotThere."""
    found = actors.by_id(reader, id_)
    if found is None or not is_visible(found):
        raise NotThere
    return found


def actor_to_take_back_from(reader: Reader, me: ActorId, id_: ActorId, has: HasOnActor) -> Actor:
    """Actor about whom something is taken back: visible, or with a row of the asker's about them.

    Raises NotThere.
    """
    found = actors.by_id(reader, id_)
    if found is None or not (is_visible(found) or has(reader, me, id_)):
        raise NotThere
    return found
