"""Answers to somebody who takes back what they did with a post.

The post as they may see it; where they may not see it any more, a `Status` that is whole, and
says nothing but its number, its address, its author, and that nothing of theirs is left there.
"""

from server.entities import account as account_entity
from server.entities import shapes
from server.entities import status as status_entity
from server.entities.json_parts import Rendered, Unfolded
from server.entities.shared import when
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader
from storage.people import actors
from storage.posts import boosts, favourites, visible_posts
from storage.posts.visibility import Viewer
from storage.posts.visible_posts import Post
from storage.reading import bookmarks, thread_mutes


def one(reader: Reader, viewer: Viewer, me: ActorId, post: Post) -> Rendered | Unfolded:
    seen = visible_posts.by_id(reader, viewer, post.id)
    return hollow(reader, me, post) if seen is None else status_entity.one(reader, viewer, seen)


def hollow(reader: Reader, me: ActorId, post: Post) -> Unfolded:
    """Stand-in for a post that the member may not see."""
    return {
        "id": str(post.id),
        "created_at": when(post.published_at),
        "uri": post.uri,
        "url": None,
        "account": _author(reader, post),
        "content": "",
        "spoiler_text": "",
        "sensitive": False,
        "visibility": "private",
        "language": None,
        "edited_at": None,
        "local_only": False,
        **dict.fromkeys(("card", "poll", "quote", "reblog", "application")),
        **dict.fromkeys(("in_reply_to_id", "in_reply_to_account_id")),
        **{name: [] for name in ("media_attachments", "mentions", "tags", "emojis", "filtered")},
        **dict.fromkeys(("replies_count", "reblogs_count", "favourites_count", "quotes_count"), 0),
        "favourited": favourites.uri_of(reader, me, post.id) is not None,
        "reblogged": boosts.of(reader, me, post.id) is not None,
        "bookmarked": bookmarks.exists(reader, me, post.id),
        "muted": thread_mutes.is_muted_by(reader, me, post.id),
    }


def _author(reader: Reader, post: Post) -> shapes.Account:
    author = actors.by_id(reader, post.author)
    if author is None:
        raise LookupError(post.author)
    if author.effective_state == "active":
        return account_entity.one(reader, author)
    return account_entity.bare(reader.site, author)
