"""`Announce`: an actor boosts (boosts) a post with those who follow them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar, Self

from federation.activities.shared import fan_out
from federation.activities.shared.reactions import actor_and_post, author_inbox, find_actor
from federation.activity import Activity, Unknown, Unwanted, heading
from federation.errors import Forbidden
from federation.objects.note import stamp
from federation.policy import ensure_allowed
from federation.vocabulary import addressing
from federation.vocabulary.json_documents import Document, is_a, moment, uri_of, uris_of
from storage.engine.clock import clamp
from storage.engine.ids import ActorId, PostId
from storage.engine.transaction import Reader, Writer
from storage.people import actors, follows
from storage.people.actors import Actor
from storage.posts import audiences, boosts, posts
from storage.posts.audiences import Audience
from storage.posts.boosts import Boost
from storage.posts.posts import Post
from storage.reading import notifications, timelines
from storage.reading.lists import Brought

ADDRESSING = ("to", "cc", "bto", "bcc", "audience")


@dataclass(frozen=True, slots=True, kw_only=True)
class Announce(Activity):
    """`boosted` is the URI of the post; it is shown as fetched from its origin, never as sent.

    `silent`: it says nothing of whom it is for, in no way that there is.
    """

    type: ClassVar[str] = "Announce"
    boosted: str
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    published: datetime | None = None
    silent: bool = False

    @classmethod
    def parse(cls, document: Document) -> Self:
        what = document.get("object")
        if isinstance(what, Mapping) and "actor" in what and not is_wrapped(document):
            raise Unwanted("It passes on an activity, and of those only some are read.")
        return cls(
            **heading(document),
            boosted=uri_of(document.get("object")),
            to=tuple(uris_of(document.get("to"))),
            cc=tuple(uris_of(document.get("cc"))),
            published=moment(document, "published"),
            silent=not any(document.get(name) for name in ADDRESSING),
        )

    def render(self) -> Document:
        addressed = {"to": list(self.to), "cc": list(self.cc)}
        return self.about(self.boosted, published=stamp(self.published), **addressed)

    @classmethod
    def find(cls, reader: Reader, uri: str, by: ActorId) -> Activity | None:
        known = boosts.by_uri(reader, uri, by)
        if known is None:
            return None
        actor, post = actors.by_id(reader, known.actor), posts.by_id(reader, known.post)
        return cls(id=uri, actor=actor.uri, boosted=post.uri) if actor and post else None

    def subject(self) -> str:
        return f"{self.actor} boosts {self.boosted}"

    def post(self, reader: Reader) -> PostId | None:
        boosted = posts.by_uri(reader, self.boosted)
        return boosted.id if boosted else None

    def ensure_wanted(self, reader: Reader) -> None:
        booster = actors.by_uri(reader, self.actor)
        if booster is not None and not booster.is_local:
            ensure_somebody_listens(reader, booster, posts.by_uri(reader, self.boosted))

    def needs(self, reader: Reader) -> Collection[str]:
        """The post is fetched only for somebody whom one of ours follows."""
        booster = actors.by_uri(reader, self.actor)
        if booster is None or not follows.is_followed_here(reader, booster.id):
            return (self.actor,)
        return (self.actor, self.boosted)

    def apply(self, writer: Writer) -> Sequence[Activity]:
        actor = find_actor(writer, self.actor)
        self._ensure_wanted(writer, actor)
        actor, post = actor_and_post(writer, self.actor, self.boosted)
        if post.kind != "public" and not (post.author == actor.id and post.owner == actor.id):
            raise Forbidden("It was not meant for everyone, so it cannot be shared.")
        ensure_allowed(writer, post, "announce", actor)
        boost = self._share(writer, actor, post)
        if boosts.add(writer, boost):
            notifications.add(writer, post.author, "reblog", actor.id, post.id)
            self._fan_out(writer, actor, post, boost)
        return ()

    def _share(self, writer: Writer, actor: Actor, post: Post) -> Boost:
        """Boost a post for those addressed, and never for more than may read the post."""
        addressed = addressing.parse_boost(writer, actor, self.to, self.cc, silent=self.silent)
        if addressed is None:
            raise Unwanted("It is shared with a few people only, which is not done here.")
        open_ = post.kind == addressed.audience.kind == "public"
        published = clamp(self.published, writer.now)
        return Boost(
            posts.free_id(writer, PostId(writer.id_of(published))),
            self.id,
            actor.id,
            post.id,
            post.audience
            if open_
            else audiences.ensure(writer, Audience("followers", owner=actor.id)),
            open_ and addressed.listed and post.listed,
            published,
        )

    def _ensure_wanted(self, writer: Writer, booster: Actor) -> None:
        known = posts.by_uri(writer, self.boosted)
        if booster.is_local:
            return
        ensure_somebody_listens(writer, booster, known)
        if known is None:
            raise Unknown("What was shared could not be had.")

    def _fan_out(self, writer: Writer, actor: Actor, post: Post, boost: Boost) -> None:
        listening = [one for one in follows.local_follower_rows(writer, actor.id) if one.reblogs]
        followers = [one.follower for one in listening]
        unwanted = {one.follower for one in listening if not one.wants(post.language)}
        if actor.is_local:
            followers.append(actor.id)
        there = timelines.having_in_home(writer, post.id)
        new = [one for one in followers if one not in there and one not in unwanted]
        brought = Brought(actor.id, boost.id, post.id, boost.id)
        fan_out.bring(writer, brought, followers, home=new)

    def undo(self, writer: Writer, wrapper: Activity) -> Sequence[Activity]:
        actor = find_actor(writer, self.actor)
        post = posts.by_uri(writer, self.boosted)
        boost = boosts.of(writer, actor.id, post.id) if post else None
        if post is not None and boost is not None:
            boosts.remove(writer, boost)
            notifications.withdraw(writer, post.author, "reblog", actor.id, post.id)
        return ()

    def audience(self, reader: Reader) -> Collection[str]:
        """Followers and the author: once where these have one shared inbox."""
        actor = actors.by_uri(reader, self.actor)
        followers = follows.inboxes(reader, actor.id) if actor else []
        return {*followers, *author_inbox(reader, self.boosted, for_many=True)}


def is_wrapped(document: Document) -> bool:
    """Whether an Announce passes on an activity that is asked of its origin (FEP-1b12).

    Lemmy, PieFed, NodeBB and Mbin tell the followers of a group in this way.
    """
    what = document.get("object")
    return (
        is_a(document, Announce.type)
        and isinstance(what, Mapping)
        and is_a(what, "Create", "Update", "Delete", "Like")
    )


def ensure_somebody_listens(reader: Reader, booster: Actor, post: Post | None) -> None:
    """Raise Unwanted unless somebody here follows who boosts it, or wrote it."""
    if (post is None or not post.local) and not follows.is_followed_here(reader, booster.id):
        raise Unwanted("Nobody here follows who shared it.")
