"""Arrival of a post: who it is for, whether anybody wants it, and whom it reaches."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from federation.activities.shared import attached_media, fan_out, quotes
from federation.activity import Unwanted
from federation.objects.note import Note, mention_names
from federation.objects.poll import Poll
from federation.vocabulary import addressing, uris
from federation.vocabulary.addressing import Addressed
from federation.vocabulary.sanitize_html import safe_url
from storage.engine.clock import clamp
from storage.engine.ids import ActorId, PostId
from storage.engine.transaction import Reader, Writer
from storage.people import actors, blocks, follows
from storage.people.actors import Actor
from storage.posts import audiences, delivery_targets, polls, posts, search_index, visible_posts
from storage.posts.polls import Option
from storage.posts.polls import Poll as PollRow
from storage.posts.posts import POSTED, Post, Recipient
from storage.posts.visibility import Facts, Member, Peer, can_see, members_who_see
from storage.queues import hosts
from storage.reading import notifications
from storage.reading.lists import Brought

# How much a server may bring, in an hour, from people to whom nobody here has any tie.
MOST_FROM_STRANGERS = 30
STRANGERS_WITHIN = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Arrival:
    """A post about to be kept, with everything about it that had to be looked up."""

    note: Note
    author: Actor
    addressed: Addressed
    parent: Post | None
    recipients: tuple[Recipient, ...]
    post: Post


def prepare(writer: Writer, author: Actor, said: Note) -> Arrival:
    parent = _find_parent(writer, author, said.in_reply_to) if said.in_reply_to else None
    addressed = said.own or addressing.parse(writer, author, said.to, said.cc, parent)
    recipients = recipients_of(writer, said)
    post = _row(writer, said, author, addressed, parent)
    return Arrival(said, author, addressed, parent, recipients, post)


def _find_parent(reader: Reader, author: Actor, uri: str) -> Post | None:
    """Post answered. Nobody comes into a thread of ours that neither they nor their server see.

    What a server of theirs says is hidden from its own people, only that server knows.
    """
    parent = posts.by_uri(reader, uri)
    if parent is None or author.is_local or not parent.local:
        return parent
    viewers = (Member(author.id), Peer(author.host, author.id))
    sees = all(visible_posts.by_uri(reader, viewer, uri) for viewer in viewers)
    return parent if sees else None


def recipients_of(reader: Reader, said: Note) -> tuple[Recipient, ...]:
    names = mention_names(said.mentions)
    known = actors.ids_by_uri(reader, said.named)
    return tuple(Recipient(id_, uri in names, names.get(uri, "")) for uri, id_ in known.items())


def _row(
    writer: Writer, said: Note, author: Actor, addressed: Addressed, parent: Post | None
) -> Post:
    published = clamp(said.published, writer.now)
    own = uris.number(writer.site, said.id, "posts") if author.is_local else None
    id_ = posts.free_id(writer, PostId(writer.id_of(published) if own is None else own))
    return Post(
        id=id_,
        uri=said.id,
        url=said.url or safe_url(said.id),
        author=ActorId(author.id),
        local=author.is_local,
        type=said.type,
        audience=audiences.ensure(writer, addressed.audience),
        kind=addressed.audience.kind,
        owner=addressed.audience.owner,
        collection=addressed.audience.collection,
        listed=addressed.listed,
        local_only=addressed.local_only,
        in_reply_to=parent.id if parent else None,
        in_reply_to_uri=said.in_reply_to,
        root=parent.root if parent else id_,
        context=said.context,
        title=said.title,
        content=said.content,
        source=said.source,
        spoiler=said.spoiler,
        sensitive=said.sensitive,
        language=said.language,
        application=said.application,
        published_at=published,
        reply_policy=said.policies.reply,
        like_policy=said.policies.like,
        announce_policy=said.policies.announce,
        quote_policy=said.policies.quote,
        quoted=said.quote,
    )


def _speaks_to_us(reader: Reader, arrival: Arrival) -> bool:
    """Tell whether it speaks to one of ours who does not block its author."""
    author = arrival.author
    spoken_to = {recipient.actor for recipient in arrival.recipients}
    if arrival.parent is not None and arrival.parent.local:
        spoken_to.add(arrival.parent.author)
    return any(
        actor.is_local and not blocks.exists(reader, actor.id, author.id)
        for actor in actors.many(reader, spoken_to).values()
    )


def ensure_wanted(writer: Writer, arrival: Arrival) -> None:
    """Kept when its author is followed here, or it speaks to one of ours (SECURITY 26).

    Raise Unwanted where neither is so, or a server of strangers brings too much (SECURITY 85).
    """
    author = arrival.author
    if follows.is_followed_here(writer, author.id):
        return
    if not _speaks_to_us(writer, arrival):
        raise Unwanted("Nobody here follows its author, and it is to nobody here.")
    if delivery_targets.was_spoken_to(writer, author.id):
        return
    if hosts.count_stranger(writer, author.host, STRANGERS_WITHIN) > MOST_FROM_STRANGERS:
        raise Unwanted("Too much comes from people of that server whom nobody here knows.")


def keep(writer: Writer, arrival: Arrival) -> None:
    posts.add(writer, arrival.post, arrival.recipients, arrival.note.hashtags)
    if arrival.note.poll is not None:
        polls.add(writer, as_row(arrival.post, arrival.note.poll))
    if arrival.note.attachments:
        attached_media.hang(writer, arrival.post, arrival.note.attachments)
    if arrival.note.poll is not None or arrival.note.attachments:
        search_index.index(writer, arrival.post.id)
    attached_media.learn_emoji(writer, arrival.author, arrival.note.emojis)
    quotes.keep(writer, arrival.author, arrival.note)


def as_row(post: Post, poll: Poll) -> PollRow:
    """A poll as it is kept."""
    return PollRow(
        post=post.id,
        multiple=poll.multiple,
        hide_totals=poll.hides,
        closes_at=poll.closes,
        closed_at=(poll.closes or post.published_at) if poll.closed and not post.local else None,
        voters=poll.voters,
        ours=post.local,
        options=tuple(Option(option.title, option.votes) for option in poll.options),
    )


def spread(writer: Writer, arrival: Arrival) -> None:
    """Into the home lists of those who follow, and to those who are spoken to."""
    facts = visible_posts.facts(writer, arrival.post)
    _fan_out(writer, arrival, facts)
    fan_out.converse(writer, arrival.post, arrival.recipients, facts)
    for recipient in arrival.recipients:
        if recipient.mentioned and can_see(Member(ActorId(recipient.actor)), facts):
            notifications.add(
                writer, recipient.actor, "mention", arrival.author.id, arrival.post.id
            )
    writer.after_commit(POSTED, str(arrival.post.id))


def _fan_out(writer: Writer, arrival: Arrival, facts: Facts) -> None:
    listening = follows.local_follower_rows(writer, arrival.author.id)
    followers = _at_home(writer, arrival, [one.follower for one in listening])
    reached = members_who_see(followers, facts)
    unwanted = {one.follower for one in listening if not one.wants(arrival.note.language)}
    for one in listening:
        if one.notify and one.follower in reached and one.follower not in unwanted:
            notifications.add(writer, one.follower, "status", arrival.author.id, arrival.post.id)
    if arrival.author.is_local:
        reached.append(arrival.author.id)
    fan_out.bring(
        writer,
        Brought(
            arrival.author.id, arrival.post.id, arrival.post.id, answered=_author_of_parent(arrival)
        ),
        reached,
        home=[*(set(reached) - unwanted), *fan_out.by_hashtag(writer, arrival.post, facts)],
    )


def _author_of_parent(arrival: Arrival) -> ActorId | None:
    """Author of the post that is answered, if that is somebody else."""
    parent = arrival.parent
    return parent.author if parent and parent.author != arrival.author.id else None


def _at_home(reader: Reader, arrival: Arrival, followers: list[ActorId]) -> list[ActorId]:
    """An answer belongs into the lists of those who follow both, or who wrote what it answers."""
    if arrival.note.in_reply_to is None:
        return followers
    if arrival.parent is None:
        return []
    answered = arrival.parent.author
    if answered == arrival.author.id:
        return followers
    both = {
        answered,
        *(one.follower for one in follows.local_follower_rows(reader, answered)),
    }
    return [one for one in followers if one in both]


def hashtag_links(writer: Reader, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(uris.tag_page(writer.site, name.casefold()) for name in names)
