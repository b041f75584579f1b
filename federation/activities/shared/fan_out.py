"""Fan-out of posts and boosts for our members: home, lists, conversations."""

from collections.abc import Collection

from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.people import actors, follows
from storage.posts.posts import Post, Recipient
from storage.posts.visibility import Facts, members_who_see
from storage.reading import conversations, followed_tags, lists, timelines
from storage.reading.lists import Brought


def bring(
    writer: Writer,
    brought: Brought,
    followers: Collection[ActorId],
    *,
    home: Collection[ActorId] | None = None,
) -> None:
    """Into the lists of those who follow, and home; there only for `home` where that is given.

    Who has its bringer in an exclusive list does not find it at home.
    """
    wanted = set(followers if home is None else home)
    if lists.hold(writer, brought.by):
        lists.fan_out(writer, brought, followers)
        wanted -= lists.apart(writer, brought.by, wanted)
    timelines.fan_out(writer, wanted, brought.entry, brought.post, brought.boost)


def by_hashtag(reader: Reader, post: Post, facts: Facts) -> list[ActorId]:
    """Members who follow one of its hashtags and may read it; only what is for everybody comes."""
    if not (post.kind == "public" and post.listed) or _is_limited(reader, post.author):
        return []
    return members_who_see(followed_tags.followers(reader, post.id), facts)


def converse(writer: Writer, post: Post, recipients: Collection[Recipient], facts: Facts) -> None:
    """Carry on a conversation of each of ours among the people of a post for named people only."""
    if post.kind != "named":
        return
    people = {post.author, *(recipient.actor for recipient in recipients)}
    seeing = members_who_see(people, facts)
    if _is_limited(writer, post.author):
        seeing = [one for one in seeing if _listens(writer, one, post)]
    conversations.go_on(writer, post, people, seeing)


def _is_limited(reader: Reader, author: ActorId) -> bool:
    known = actors.by_id(reader, author)
    return known is not None and bool(known.silenced)


def _listens(reader: Reader, member: ActorId, post: Post) -> bool:
    """Whether a member talks with the limited author of a post, or follows them."""
    if member == post.author or conversations.is_in(reader, member, post.root):
        return True
    between = follows.between(reader, member, post.author)
    return between is not None and between.state == "accepted"
