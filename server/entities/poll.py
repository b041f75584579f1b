"""Polls, as `Poll`."""

from collections.abc import Sequence

from server.entities import emoji as emoji_entity
from server.entities import shapes
from server.entities.shared import optional_when
from storage.engine.ids import PostId
from storage.engine.transaction import Reader
from storage.posts import polls, visible_posts
from storage.posts.polls import Poll
from storage.posts.visibility import Member, Viewer


def many(reader: Reader, viewer: Viewer, posts: Sequence[PostId]) -> dict[PostId, shapes.Poll]:
    """Polls by the number of their posts, which the viewer may see."""
    found = polls.many(reader, posts)
    me = viewer.actor if isinstance(viewer, Member) else None
    chosen = polls.votes_of(reader, me, posts) if me is not None else {}
    hosts = visible_posts.hosts(reader, posts)
    said = emoji_entity.find_used(
        reader, {post: (hosts[post], poll.titles) for post, poll in found.items()}
    )
    rendered = {post: _render(reader, poll, said[post]) for post, poll in found.items()}
    if me is not None:
        for post, poll in rendered.items():
            mine = chosen.get(post, [])
            poll |= {"voted": bool(mine), "own_votes": mine}
    return rendered


def _render(reader: Reader, poll: Poll, emojis: list[shapes.CustomEmoji]) -> shapes.Poll:
    over = poll.is_over(reader.now)
    hidden = poll.hide_totals and not over
    known = [option.votes for option in poll.options if option.votes is not None]
    return {
        "id": str(poll.post),
        "expires_at": optional_when(poll.closes_at),
        "expired": over,
        "multiple": poll.multiple,
        "votes_count": sum(known),
        "voters_count": poll.voters,
        "options": [
            {"title": option.title, "votes_count": None if hidden else option.votes}
            for option in poll.options
        ],
        "emojis": emojis,
    }
