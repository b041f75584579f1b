"""Rows of ours as the objects that other servers read: posts, polls, what hangs on them, emoji."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from federation.objects import emoji as emoji_object
from federation.objects.attachment import Attachment
from federation.objects.interaction_policy import InteractionPolicy
from federation.objects.note import Mention, Note, read_stored
from federation.objects.poll import Option, Poll
from federation.vocabulary import addressing, media_urls, uris
from federation.vocabulary.addressing import Addressed
from storage.engine.site import Site
from storage.engine.transaction import Reader
from storage.media import attachments as media
from storage.media import emojis
from storage.media.attachments import Media
from storage.people import actors
from storage.people.actors import Actor
from storage.posts import polls, visible_posts
from storage.posts.audiences import Audience
from storage.posts.visible_posts import Post


def attachments(site: Site, rows: Sequence[Media], *, open_to_all: bool) -> tuple[Attachment, ...]:
    """Attachments in their order, with placeholders where not everybody may open them."""
    return tuple(
        Attachment(
            url=media_urls.public(site, row.file) if open_to_all else media_urls.private(row.file),
            mime=row.mime,
            description=row.description,
            blurhash=row.blurhash,
            width=row.width,
            height=row.height,
            focus=(row.focus_x, row.focus_y),
            id=row.id,
        )
        for row in rows
        if row.file is not None
    )


def emoji_tags(reader: Reader, texts: Iterable[str]) -> tuple[Mapping[str, Any], ...]:
    """Tags for the emoji of ours that are said in the texts, by name."""
    said = emoji_object.find_shortcodes(texts)
    found = emojis.find_many(reader, [("", name) for name in said]) if said else {}
    return tuple(emoji_object.render(reader.site, found[name]) for name in sorted(found))


def emoji_tags_of(reader: Reader, actor: Actor) -> tuple[Mapping[str, Any], ...]:
    """Tags for emoji that somebody of ours says of themselves."""
    fields = [text for field in actor.fields for text in (field.name, field.value)]
    return emoji_tags(reader, [actor.display_name, actor.summary, *fields])


def attachments_for(
    site: Site, rows: Sequence[Media], addressed: Addressed
) -> tuple[Attachment, ...]:
    open_to_all = addressed.audience.kind == "public" and not addressed.local_only
    return attachments(site, rows, open_to_all=open_to_all)


def emoji_tags_for(
    reader: Reader, text: str, spoiler: str, poll: Poll | None
) -> tuple[Mapping[str, Any], ...]:
    return emoji_tags(reader, [text, spoiler, *(poll.titles if poll else ())])


def tag_links(site: Site, names: Sequence[str]) -> tuple[str, ...]:
    return tuple(uris.tag_page(site, name.casefold()) for name in names)


def _full_handle(domain: str, actor: Actor) -> str:
    return f"@{actor.name}@{actor.domain or domain}"


def note_of(reader: Reader, post: Post) -> Note:
    """Note made from one of our rows: the object that others fetch."""
    author = actors.by_id(reader, post.author)
    if author is None:
        raise LookupError(post.author)
    recipients = visible_posts.recipients(reader, post.id)
    people = find_addressed(reader, post)
    addressed = read_addressed(post)
    addresses = addressing.render(reader, author, addressed, [who.uri for who in people])
    names = visible_posts.tag_names(reader, post.id)
    mentioned = {recipient.actor for recipient in recipients if recipient.mentioned}
    return Note(
        id=post.uri,
        type=post.type,
        author=author.uri,
        content=read_stored(post.content),
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
        mentions=mentions(reader, [who for who in people if who.id in mentioned]),
        hashtags=tuple(names),
        tag_links=tag_links(reader.site, names),
        source=post.source,
        own=addressed,
        quote=post.quoted,
        poll=poll_of(reader, post),
        policies=interaction_policy_of(post),
        attachments=attachments_for(
            reader.site, media.of_posts(reader, [post.id]).get(post.id, []), addressed
        ),
        emoji_tags=emoji_tags_for(reader, post.content, post.spoiler, poll_of(reader, post)),
    )


def find_addressed(reader: Reader, post: Post) -> list[Actor]:
    """Actors whom the post is addressed to by name, mentioned or not."""
    named = [recipient.actor for recipient in visible_posts.recipients(reader, post.id)]
    known = actors.many(reader, named)
    return [known[actor] for actor in named if actor in known]


def interaction_policy_of(post: Post) -> InteractionPolicy:
    return InteractionPolicy(
        post.reply_policy, post.like_policy, post.announce_policy, post.quote_policy
    )


def poll_of(reader: Reader, post: Post) -> Poll | None:
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


def read_addressed(post: Post) -> Addressed:
    return Addressed(audience_of(post), post.listed, post.local_only)


def audience_of(post: Post) -> Audience:
    return Audience(post.kind, post.owner, post.collection)


def mentions(reader: Reader, people: Sequence[Actor]) -> tuple[Mention, ...]:
    return tuple(Mention(who.uri, _full_handle(reader.site.domain, who)) for who in people)
