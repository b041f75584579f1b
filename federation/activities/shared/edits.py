"""Edits of a post by its author: what it said before is kept, and nobody new may read it."""

from dataclasses import replace
from datetime import datetime

from federation.activities.shared import attached_media, incoming_post, quotes
from federation.activity import Unwanted
from federation.objects.interaction_policy import InteractionPolicy
from federation.objects.note import Note
from federation.objects.poll import Poll
from federation.vocabulary import addressing
from federation.vocabulary.addressing import Addressed
from federation.vocabulary.json_documents import Document
from storage.engine.clock import clamp
from storage.engine.ids import ActorId
from storage.engine.transaction import Reader, Writer
from storage.media import attachments
from storage.people.actors import Actor
from storage.posts import audiences, boosts, edits, polls, posts, search_index, visible_posts
from storage.posts.audiences import OPEN_KINDS, Audience
from storage.posts.posts import Post, Recipient
from storage.posts.visibility import Member, can_see
from storage.reading import notifications

EDITABLE = ("Note", "Article", "Question", "Page")


def revise(writer: Writer, author: Actor, known: Post, said: Note) -> None:
    """Take over what a newer document says. Raises Unwanted for an older one."""
    if said.updated is not None and clamp(said.updated, writer.now) < _last_said(known):
        raise Unwanted("It was changed again since then.")
    poll = polls.of(writer, known.id)
    revised = _revise(known, said)
    new_poll = _is_another(poll, said.poll)
    new_media = attached_media.differs(writer, known, said.attachments)
    attached_media.learn_emoji(writer, author, said.emojis)
    if revised != known or new_poll or new_media:
        beside = _beside(writer, known, poll)
        edits.keep(writer, known, beside)
        edited = clamp(said.updated, writer.now)
        before = posts.recipients(writer, known.id)
        named = _recipients(writer, known, said, {one.actor for one in before})
        posts.revise(writer, replace(revised, edited_at=edited), said.hashtags, named)
        if new_media:
            attached_media.hang(writer, known, said.attachments)
        if known.quoted != said.quote:
            quotes.keep_anew(writer, author, said)
        _tell(writer, author, known, {one.actor for one in before if one.mentioned})
    _poll(writer, known, said.poll, poll, new=new_poll)
    if new_poll or new_media:
        search_index.index(writer, known.id)
    _set_policies(writer, known, said.policies)
    if not author.is_local:
        _narrow(writer, author, known, said)


def _recipients(reader: Reader, known: Post, said: Note, before: set[int]) -> tuple[Recipient, ...]:
    """Recipients named by the edit; where a post is for few, only those whom it named before."""
    named = incoming_post.recipients_of(reader, said)
    if known.kind in OPEN_KINDS:
        return named
    return tuple(one for one in named if one.actor in before)


def _beside(reader: Reader, known: Post, poll: polls.Poll | None) -> Document:
    """Attachments and poll options that the post had, for the history."""
    there = attachments.of_posts(reader, [known.id]).get(known.id, [])
    shown = [{"id": one.id, "description": one.description} for one in there]
    return {**({"poll": poll.titles} if poll else {}), **({"media": shown} if shown else {})}


def _last_said(known: Post) -> datetime:
    return known.edited_at or known.published_at


def _revise(known: Post, said: Note) -> Post:
    type_ = said.type if {said.type, known.type} <= set(EDITABLE) else known.type
    return replace(
        known,
        type=type_,
        title=said.title,
        content=said.content,
        source=said.source if known.local else None,
        spoiler=said.spoiler,
        sensitive=said.sensitive,
        language=said.language,
        quoted=said.quote,
    )


# ---- the poll ----


def _is_another(known: polls.Poll | None, said: Poll | None) -> bool:
    """Whether something else is to be chosen: then nobody has voted yet."""
    if known is None or said is None:
        return (known is None) != (said is None)
    return known.titles != said.titles or known.multiple != said.multiple


def _poll(
    writer: Writer, post: Post, said: Poll | None, known: polls.Poll | None, *, new: bool
) -> None:
    if new and known is not None:
        polls.remove(writer, post.id)
    if said is None:
        return
    row = incoming_post.as_row(post, said)
    if new:
        polls.add(writer, row)
    elif post.local:
        polls.reschedule(writer, row)
    else:
        polls.refresh(writer, row)
        if said.closed or row.is_over(writer.now):
            end(writer, post)


def end(writer: Writer, post: Post) -> None:
    """End a poll: its author and those of ours who voted are told, once."""
    if not polls.close(writer, post.id):
        return
    for voter in polls.voters_here(writer, post.id):
        notifications.add(writer, voter, "poll", post.author, post.id)
    if post.local:
        notifications.add(writer, post.author, "poll", post.author, post.id)


# ---- who hears of it, and who may read it ----


def _tell(writer: Writer, author: Actor, known: Post, told: set[int]) -> None:
    """Notify those whom it mentions now and did not before, and those of ours who boosted it."""
    facts = visible_posts.facts(writer, known)
    for one in posts.recipients(writer, known.id):
        if one.mentioned and one.actor not in told and can_see(Member(ActorId(one.actor)), facts):
            notifications.add(writer, one.actor, "mention", author.id, known.id)
    for booster in boosts.local_boosters(writer, known.id):
        notifications.withdraw(writer, booster, "update", author.id, known.id)
        notifications.add(writer, booster, "update", author.id, known.id)


def _set_policies(writer: Writer, known: Post, said: InteractionPolicy) -> None:
    now = InteractionPolicy(
        known.reply_policy, known.like_policy, known.announce_policy, known.quote_policy
    )
    if said != now:
        posts.set_policies(
            writer,
            known.id,
            reply=said.reply,
            like=said.like,
            announce=said.announce,
            quote=said.quote,
        )


def _narrow(writer: Writer, author: Actor, known: Post, said: Note) -> None:
    """Narrow a post's audience: others may say that it is for fewer than before, never for more."""
    parent = posts.by_id(writer, known.in_reply_to) if known.in_reply_to else None
    stated = addressing.parse(writer, author, said.to, said.cc, parent)
    before = Addressed(Audience(known.kind, known.owner, known.collection), known.listed)
    if addressing.width(stated) < addressing.width(before):
        audience = audiences.ensure(writer, stated.audience)
        posts.narrow(writer, known, audience, listed=stated.listed)
