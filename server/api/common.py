"""What many resources need: the number in the address, the post or the person behind it."""

from collections.abc import Callable

from aiohttp import web

from server.http.errors import Refused, not_found
from server.http.guard import current_user
from server.http.parsing import id_of
from storage.engine.transaction import Reader
from storage.people import actors
from storage.people.actors import Actor
from storage.posts import boosts, visible_posts
from storage.posts.visibility import Viewer
from storage.posts.visible_posts import Post

# Whether a member has a row of their own about a post, or an actor.
Has = Callable[[Reader, int, int], bool]


def nothing(reader: Reader, me: int, id_: int) -> bool:
    """For acts that are not a taking back: no row is enough for them."""
    return False


def number(request: web.Request, name: str = "id") -> int:
    """A number in the path; anything else is nobody's number."""
    found = id_of(request.match_info[name])
    if found is None:
        raise not_found()
    return found


def visible(reader: Reader, viewer: Viewer, id_: int) -> Post:
    """The post, or the one that a share of that number brought; 404 where they may not see it."""
    post = visible_posts.by_id(reader, viewer, id_)
    if post is None:
        boost = boosts.seen(reader, viewer, id_)
        post = visible_posts.by_id(reader, viewer, boost.post) if boost else None
    if post is None:
        raise not_found()
    return post


def taking_back(reader: Reader, viewer: Viewer, me: int, id_: int, has: Has) -> Post:
    """The post with which the caller did something that they take back.

    That needs their own row, and not that they may see the post still; 404 without either.
    """
    seen = visible_posts.by_id(reader, viewer, id_)
    if seen is not None:
        return seen
    boost = boosts.by_id(reader, id_)
    if boost is not None and (
        boost.actor == me or boosts.seen(reader, viewer, boost.id) is not None
    ):
        id_ = boost.post
    post = visible_posts.by_id(reader, viewer, id_)
    if post is None and has(reader, me, id_):
        post = visible_posts.once_seen(reader, id_)
    if post is None:
        raise not_found()
    return post


def concerning(reader: Reader, me: int, id_: int, has: Has) -> Actor:
    """Somebody about whom the caller takes something back: there to be seen, or their own row is.

    404 without either.
    """
    found = actors.by_id(reader, id_)
    if found is None or not (is_there(found) or has(reader, me, id_)):
        raise not_found()
    return found


def somebody(reader: Reader, id_: int) -> Actor:
    """An actor that is there for people to see; 404 otherwise."""
    found = actors.by_id(reader, id_)
    if found is None or not is_there(found):
        raise not_found()
    return found


def is_there(found: Actor) -> bool:
    """Whether people see this actor: nobody who waits, left or was turned out, nor the server."""
    return found.effective_state == "active" and found.type != "Application"


def other(request: web.Request, found: Actor) -> Actor:
    """Somebody else than the caller."""
    if found.id == current_user(request).me.id:
        raise Refused(403, "This action is not allowed")
    return found


def own(reader: Reader, author: Actor, viewer: Viewer, id_: int) -> Post:
    """A post that the caller wrote; 404 otherwise."""
    post = visible_posts.by_id(reader, viewer, id_)
    if post is None or post.author != author.id:
        raise not_found()
    return post
