"""Favouriting, boosting, bookmarking and muting posts, and taking each of it back."""

from federation.activities import Announce, Like, Undo
from federation.outbound import outbox
from federation.vocabulary import addressing
from federation.vocabulary.addressing import Addressed
from server.refusals import Invalid
from storage.engine.ids import ActorId, PostId
from storage.engine.transaction import Reader, Writer
from storage.people import actors
from storage.people.actors import Actor
from storage.posts import boosts, favourites
from storage.posts.audiences import PUBLIC, Audience
from storage.posts.boosts import Boost
from storage.posts.visible_posts import Post
from storage.reading import bookmarks, thread_mutes

BOOST_VISIBILITIES = ("public", "unlisted", "private")


def has_favourited(reader: Reader, me: ActorId, post: PostId) -> bool:
    return favourites.uri_of(reader, me, post) is not None


def has_boosted(reader: Reader, me: ActorId, post: PostId) -> bool:
    return boosts.of(reader, me, post) is not None


def favourite(writer: Writer, me: Actor, post: Post) -> None:
    if favourites.uri_of(writer, me.id, post.id) is None:
        outbox.publish(writer, Like(id=outbox.new_uri(writer), actor=me.uri, favourited=post.uri))


def unfavourite(writer: Writer, me: Actor, post: Post) -> None:
    uri = favourites.uri_of(writer, me.id, post.id)
    if uri is not None:
        like = Like(id=uri, actor=me.uri, favourited=post.uri)
        outbox.publish(writer, Undo(id=outbox.new_uri(writer), actor=me.uri, inner=like))


def boost(writer: Writer, me: Actor, post: Post, visibility: str | None, default: str) -> Boost:
    """Boost it for whom they said, else for whom they chose for all they say (`default`).

    Raises Invalid where it is boosted for more people already.
    """
    wanted = addressing.of_boost(visibility or default, me, post)
    before = boosts.of(writer, me.id, post.id)
    if before is None:
        outbox.publish(writer, _announce(writer, me, post, outbox.new_uri(writer), wanted))
    elif visibility and addressing.width(_reach(me, before)) > addressing.width(wanted):
        raise Invalid("You have boosted this for more people. Take that back first.")
    made = boosts.of(writer, me.id, post.id)
    if made is None:
        raise LookupError("the boost that was just made")
    return made


def unboost(writer: Writer, me: Actor, post: Post) -> None:
    known = boosts.of(writer, me.id, post.id)
    if known is not None:
        said = _announce(writer, me, post, known.uri, _reach(me, known))
        outbox.publish(writer, Undo(id=outbox.new_uri(writer), actor=me.uri, inner=said))


def _reach(me: Actor, known: Boost) -> Addressed:
    if known.kind == "public":
        return Addressed(PUBLIC, known.listed)
    return Addressed(Audience("followers", owner=me.id))


def _announce(writer: Writer, me: Actor, post: Post, uri: str, addressed: Addressed) -> Announce:
    author = actors.by_id(writer, post.author)
    named = (author.uri,) if author else ()
    addresses = addressing.render(writer, me, addressed, named)
    return Announce(
        id=uri,
        actor=me.uri,
        boosted=post.uri,
        to=addresses.to,
        cc=addresses.cc,
        published=writer.now,
    )


def bookmark(writer: Writer, me: Actor, post: Post) -> None:
    bookmarks.add(writer, me.id, post.id)


def unbookmark(writer: Writer, me: Actor, post: Post) -> None:
    bookmarks.remove(writer, me.id, post.id)


def mute_thread(writer: Writer, me: Actor, post: Post) -> None:
    thread_mutes.add(writer, me.id, post.root, post.id)


def unmute_thread(writer: Writer, me: Actor, post: Post) -> None:
    thread_mutes.remove(writer, me.id, post.root)
