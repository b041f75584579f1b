"""Where something that was said or shared is put for our members: home, lists, conversations."""

from collections.abc import Collection

from storage import conversations, followed_tags, lists, timelines
from storage.ids import ActorId
from storage.lists import Brought
from storage.posts import Post, Recipient
from storage.units import Reader, Writer
from storage.visibility import Facts, Member, can_see


def bring(
    writer: Writer,
    brought: Brought,
    followers: Collection[int],
    *,
    home: Collection[int] | None = None,
) -> None:
    """Into the lists of those who follow, and home; there only for `home` where that is given.

    Who has its bringer in an exclusive list does not find it at home.
    """
    lists.fan_out(writer, brought, followers)
    wanted = followers if home is None else home
    apart = lists.apart(writer, brought.by, wanted)
    at_home = [owner for owner in dict.fromkeys(wanted) if owner not in apart]
    timelines.fan_out(writer, at_home, brought.entry, brought.post, brought.share)


def by_hashtag(reader: Reader, post: Post, facts: Facts) -> list[int]:
    """Members who follow one of its hashtags and may read it; only what is for everybody comes."""
    if not (post.kind == "public" and post.listed):
        return []
    followers = followed_tags.followers(reader, post.id)
    return [one for one in followers if can_see(Member(ActorId(one)), facts)]


def converse(writer: Writer, post: Post, recipients: Collection[Recipient], facts: Facts) -> None:
    """What is for named people only goes on a conversation of each of ours among them."""
    if post.kind != "named":
        return
    people = {int(post.author), *(recipient.actor for recipient in recipients)}
    seeing = [one for one in people if can_see(Member(ActorId(one)), facts)]
    conversations.go_on(writer, post, people, seeing)
