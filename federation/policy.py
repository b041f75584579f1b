"""Rules on who we listen to, and on what may be said between whom."""

from federation.activity import Unwanted
from federation.errors import Forbidden
from federation.transport.urls import host_of
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader
from storage.people import actors, blocks, follows
from storage.people.actors import Actor
from storage.posts import posts
from storage.posts.posts import Post
from storage.posts.visibility import Member, Peer, Viewer
from storage.queues import hosts


def viewer_of(actor: Actor) -> Viewer:
    """Viewer that an actor is: one of ours as a member, another through their server."""
    return Member(actor.id) if actor.is_local else Peer(actor.host, actor.id)


def accepts_host(reader: Reader, host: str) -> bool:
    """Whether anything from that host is taken in."""
    return not hosts.is_blocked(reader, host)


def ensure_accepted(reader: Reader, actor: str, *hosts_: str) -> None:
    """Raise Forbidden where an actor was turned out, or their server, or one of those hosts is."""
    if hosts.is_blocked(reader, host_of(actor), *hosts_):
        raise Forbidden("We have nothing to do with that server.")
    if actors.effective_state_of(reader, actor) not in (None, "active"):
        raise Forbidden("We have nothing to do with that account.")


def ensure_hidden_at_most(reader: Reader, actor: str, *hosts_: str) -> None:
    """Ensure as `ensure_accepted`, but whom only their own server hides is heard."""
    known = actors.by_uri(reader, actor)
    if known is None or not known.remote_suspended or known.moderation_state != "active":
        ensure_accepted(reader, actor, *hosts_)
    elif hosts.is_blocked(reader, host_of(actor), known.domain, *hosts_):
        raise Forbidden("We have nothing to do with that server.")


def ensure_not_blocked(reader: Reader, by: ActorId, who: ActorId) -> None:
    """Raise Unwanted when `by` blocks `who`."""
    if blocks.exists(reader, by, who):
        raise Unwanted("Whom it is for does not want to hear from its author.")


# What others may do with a post, as a sentence names it.
DEEDS = {"reply": "answer", "like": "favour", "announce": "share", "quote": "quote"}


def allows(reader: Reader, post: Post, deed: str, actor: Actor) -> bool:
    """Whether the author of a post lets an actor do one of DEEDS with it.

    Authors may always, and whoever a post speaks to may answer.
    """
    policy = {
        "reply": post.reply_policy,
        "like": post.like_policy,
        "announce": post.announce_policy,
        "quote": post.quote_policy,
    }[deed]
    if policy == "public" or actor.id == post.author:
        return True
    if deed == "reply" and any(
        one.mentioned and one.actor == actor.id for one in posts.recipients(reader, post.id)
    ):
        return True
    between = follows.between(reader, actor.id, post.author)
    return policy == "followers" and between is not None and between.state == "accepted"


def ensure_allowed(reader: Reader, post: Post, deed: str, actor: Actor) -> None:
    """Raise Forbidden where its author does not want it.

    What others do with the posts of others is for their servers to judge: who follows them, we
    do not know.
    """
    if (post.local or actor.is_local) and not allows(reader, post, deed, actor):
        policy_of_followers = getattr(post, f"{deed}_policy") == "followers"
        who = "those who follow its author" if policy_of_followers else "its author"
        raise Forbidden(f"Only {who} can {DEEDS[deed]} this post.")
