"""Posts as members write them: from what a client sends to a Create, and from a row to a Note."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from federation.activities import Create, Update
from federation.objects import from_rows
from federation.objects.attachment import Attachment
from federation.objects.interaction_policy import OPEN, InteractionPolicy
from federation.objects.note import Mention, Note, stored_content
from federation.objects.poll import Option, Poll
from federation.outbound import outbox
from federation.vocabulary import addressing, uris
from federation.vocabulary.addressing import Addressed
from federation.vocabulary.sanitize_html import SafeHtml, line
from server.actions.posts import markup
from server.actions.posts.markup import Handle, Mentioned
from storage.engine.ids import PostId
from storage.engine.site import Site
from storage.engine.transaction import Reader, Writer
from storage.media import attachments
from storage.media.attachments import Media
from storage.people import actors
from storage.people.actors import Actor
from storage.posts import polls, visible_posts
from storage.posts.audiences import NAMED, OPEN_KINDS, Audience
from storage.posts.visible_posts import Post


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStatus:
    """What a member wants to say. `visibility` is one of the client API's, or `local`.

    `local_only` keeps it on this server, whoever else it is for; it never widens.
    """

    author: Actor
    text: str
    visibility: str
    local_only: bool = False
    spoiler: str = ""
    sensitive: bool = False
    language: str | None = None
    in_reply_to: Post | None = None
    mentioned: Mapping[Handle, Actor]
    application: int | None = None
    poll: Poll | None = None
    policies: InteractionPolicy = OPEN
    media: Sequence[Media] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusEdit:
    """How a post is to read from now on. Whom it is for, an edit does not change.

    `media` is all that is to hang on it, described as it is to be; None stays as it is.
    """

    text: str
    spoiler: str = ""
    sensitive: bool = False
    language: str | None = None
    mentioned: Mapping[Handle, Actor]
    poll: Poll | None = None
    policies: InteractionPolicy = OPEN
    media: Sequence[Media] | None = None


def publish(writer: Writer, draft: NewStatus) -> PostId:
    """Say it, in the unit of whoever calls."""
    id_ = PostId(writer.new_id())
    said = _note(writer, draft, id_)
    outbox.publish(writer, Create(id=outbox.new_uri(writer), actor=draft.author.uri, note=said))
    return id_


def revise(writer: Writer, author: Actor, post: Post, wording: StatusEdit) -> None:
    """Say it anew, in the unit of whoever calls; nothing is said where nothing is changed."""
    before = as_note(writer, post)
    after = _reworded(writer, author, post, before, wording)
    if after != before:
        publish_edit(writer, author, replace(after, updated=writer.now))


def publish_edit(writer: Writer, author: Actor, said: Note) -> None:
    """Tell everybody whom a post reached how it stands now."""
    outbox.publish(writer, Update(id=outbox.new_uri(writer), actor=author.uri, note=said))


def _reworded(reader: Reader, author: Actor, post: Post, before: Note, wording: StatusEdit) -> Note:
    before_named = _named(reader, post)
    people = list(dict.fromkeys(wording.mentioned.values()))
    if post.kind not in OPEN_KINDS:  # whom it was not for, it links and does not address
        addressed = {who.id for who in before_named}
        people = [who for who in people if who.id in addressed]
    named = dict.fromkeys(who.uri for who in (*before_named, *people))
    addresses = addressing.render(reader, author, _addressed_as(post), list(named))
    names = markup.find_hashtags(wording.text)
    return replace(
        before,
        type="Question" if wording.poll else "Note",
        content=_content(reader.site, wording.text, wording.mentioned),
        spoiler=line(wording.spoiler, 500),
        sensitive=wording.sensitive or bool(wording.spoiler) or author.sensitized,
        language=wording.language,
        to=addresses.to,
        cc=addresses.cc,
        mentions=_mentions(reader, people),
        hashtags=tuple(names),
        tag_links=_tag_links(reader.site, names),
        source=wording.text,
        poll=_with_figures(wording.poll, before.poll),
        policies=wording.policies,
        attachments=before.attachments
        if wording.media is None
        else _attachments(reader.site, wording.media, _addressed_as(post)),
        emoji_tags=_emoji_tags(reader, wording.text, wording.spoiler, wording.poll),
    )


def _with_figures(poll: Poll | None, before: Poll | None) -> Poll | None:
    """The votes stay while the same is to be chosen."""
    if poll is None or before is None:
        return poll
    if poll.titles != before.titles or poll.multiple != before.multiple:
        return poll
    return replace(poll, options=before.options, voters=before.voters, closed=before.closed)


def _content(site: Site, text: str, mentioned: Mapping[Handle, Actor]) -> SafeHtml:
    return markup.render(
        text,
        mentions=_links(site.domain, mentioned),
        tag_url=lambda name: uris.tag_page(site, name.casefold()),
    )


def _tag_links(site: Site, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(uris.tag_page(site, name.casefold()) for name in names)


def _note(writer: Writer, draft: NewStatus, id_: PostId) -> Note:
    site, author = writer.site, draft.author
    addressed = _addressed(draft)
    people = list(dict.fromkeys(draft.mentioned.values()))
    addresses = addressing.render(writer, author, addressed, [who.uri for who in people])
    names = markup.find_hashtags(draft.text)
    parent = draft.in_reply_to
    return Note(
        id=uris.post(site, id_),
        type="Question" if draft.poll else "Note",
        author=author.uri,
        content=_content(site, draft.text, draft.mentioned),
        spoiler=line(draft.spoiler, 500),
        sensitive=draft.sensitive or bool(draft.spoiler) or author.sensitized,
        language=draft.language,
        published=writer.now,
        url=uris.post_page(site, author.name, id_),
        in_reply_to=parent.uri if parent else None,
        context=(parent.context if parent else None) or uris.context(site, id_),
        to=addresses.to,
        cc=addresses.cc,
        mentions=_mentions(writer, people),
        hashtags=tuple(names),
        tag_links=_tag_links(site, names),
        source=draft.text,
        own=addressed,
        application=draft.application,
        poll=draft.poll,
        policies=draft.policies,
        attachments=_attachments(site, draft.media, addressed),
        emoji_tags=_emoji_tags(writer, draft.text, draft.spoiler, draft.poll),
    )


def _attachments(site: Site, rows: Sequence[Media], addressed: Addressed) -> tuple[Attachment, ...]:
    open_to_all = addressed.audience.kind == "public" and not addressed.local_only
    return from_rows.attachments(site, rows, open_to_all=open_to_all)


def _emoji_tags(
    reader: Reader, text: str, spoiler: str, poll: Poll | None
) -> tuple[Mapping[str, Any], ...]:
    return from_rows.emoji_tags(reader, [text, spoiler, *(poll.titles if poll else ())])


def _addressed(draft: NewStatus) -> Addressed:
    """An answer reaches no further than what it answers (COMMUNITIES 3)."""
    wanted, parent = addressing.of_visibility(draft.visibility, draft.author), draft.in_reply_to
    local_only = draft.local_only or wanted.local_only
    if parent is not None:
        local_only = local_only or parent.local_only
        if parent.kind not in ("public", "instance") and wanted.audience != NAMED:
            wanted = _as_the_parent(draft, parent)
    return addressing.restrict_to_instance(wanted) if local_only else wanted


def _as_the_parent(draft: NewStatus, parent: Post) -> Addressed:
    """To those who could read what is answered; to one's own followers where these are not ours."""
    if parent.kind == "followers" and not parent.local:
        return addressing.of_visibility("private", draft.author)
    return Addressed(_audience(parent))


def _links(domain: str, mentioned: Mapping[Handle, Actor]) -> dict[Handle, Mentioned]:
    return {
        handle: Mentioned(who.name, who.domain or domain, who.url or who.uri)
        for handle, who in mentioned.items()
    }


def full_handle(domain: str, actor: Actor) -> str:
    return f"@{actor.name}@{actor.domain or domain}"


def as_note(reader: Reader, post: Post) -> Note:
    """One of our rows as the object that others fetch."""
    author = actors.by_id(reader, post.author)
    if author is None:
        raise LookupError(post.author)
    recipients = visible_posts.recipients(reader, post.id)
    people = _named(reader, post)
    addressed = _addressed_as(post)
    addresses = addressing.render(reader, author, addressed, [who.uri for who in people])
    names = visible_posts.tag_names(reader, post.id)
    mentioned = {recipient.actor for recipient in recipients if recipient.mentioned}
    return Note(
        id=post.uri,
        type=post.type,
        author=author.uri,
        content=stored_content(post.content),
        spoiler=post.spoiler,
        sensitive=post.sensitive,
        language=post.language,
        published=post.published_at,
        updated=post.edited_at,
        url=post.url,
        in_reply_to=post.in_reply_to_uri,
        context=post.context,
        to=addresses.to,
        cc=addresses.cc,
        mentions=_mentions(reader, [who for who in people if who.id in mentioned]),
        hashtags=tuple(names),
        tag_links=_tag_links(reader.site, names),
        source=post.source,
        own=addressed,
        quote=post.quoted,
        poll=_poll_of(reader, post),
        policies=interaction_policy_of(post),
        attachments=_attachments(
            reader.site, attachments.of_posts(reader, [post.id]).get(post.id, []), addressed
        ),
        emoji_tags=_emoji_tags(reader, post.content, post.spoiler, _poll_of(reader, post)),
    )


def _named(reader: Reader, post: Post) -> list[Actor]:
    """Whom it is addressed to by name, mentioned or not."""
    named = [recipient.actor for recipient in visible_posts.recipients(reader, post.id)]
    known = actors.many(reader, named)
    return [known[actor] for actor in named if actor in known]


def interaction_policy_of(post: Post) -> InteractionPolicy:
    return InteractionPolicy(
        post.reply_policy, post.like_policy, post.announce_policy, post.quote_policy
    )


def _poll_of(reader: Reader, post: Post) -> Poll | None:
    known = polls.of(reader, post.id) if post.type == "Question" else None
    if known is None:
        return None
    return Poll(
        options=tuple(Option(option.title, option.votes) for option in known.options),
        multiple=known.multiple,
        closes=known.closes_at,
        closed=known.is_over(reader.now),
        voters=known.voters,
        hides=known.hide_totals,
    )


def _addressed_as(post: Post) -> Addressed:
    return Addressed(_audience(post), post.listed, post.local_only)


def _audience(post: Post) -> Audience:
    return Audience(post.kind, post.owner, post.collection)


def _mentions(reader: Reader, people: Sequence[Actor]) -> tuple[Mention, ...]:
    return tuple(Mention(who.uri, full_handle(reader.site.domain, who)) for who in people)
