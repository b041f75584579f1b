"""Posts as members write them: from what a client sends to a Create, and from a row to a Note."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from federation import addressing, outbox, uris
from federation.activities import Create
from federation.addressing import Addressed
from federation.objects.note import Mention, Note, stored_content
from federation.sanitise import line
from server import composing
from server.composing import Handle, Mentioned
from storage import actors, visible_posts
from storage.actors import Actor
from storage.audiences import NAMED, Audience
from storage.ids import PostId
from storage.units import Reader, Writer
from storage.visible_posts import Post


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
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


def publish(writer: Writer, draft: Draft) -> PostId:
    """Say it, in the unit of whoever calls."""
    id_ = PostId(writer.new_id())
    said = _note(writer, draft, id_)
    outbox.publish(writer, Create(id=outbox.new_uri(writer), actor=draft.author.uri, note=said))
    return id_


def _note(writer: Writer, draft: Draft, id_: PostId) -> Note:
    here, author = writer.here, draft.author
    addressed = _addressed(draft)
    people = list(dict.fromkeys(draft.mentioned.values()))
    addresses = addressing.stated(writer, author, addressed, [who.uri for who in people])
    names = composing.find_hashtags(draft.text)
    parent = draft.in_reply_to
    return Note(
        id=uris.post(here, id_),
        author=author.uri,
        content=composing.render(
            draft.text,
            mentions=_links(here.domain, draft.mentioned),
            tag_url=lambda name: uris.tag_page(here, name.casefold()),
        ),
        spoiler=line(draft.spoiler, 500),
        sensitive=draft.sensitive or bool(draft.spoiler),
        language=draft.language,
        published=writer.now,
        url=uris.post_page(here, author.name, id_),
        in_reply_to=parent.uri if parent else None,
        context=(parent.context if parent else None) or uris.context(here, id_),
        to=addresses.to,
        cc=addresses.cc,
        mentions=tuple(Mention(who.uri, full_handle(here.domain, who)) for who in people),
        hashtags=tuple(names),
        tag_links=tuple(uris.tag_page(here, name.casefold()) for name in names),
        source=draft.text,
        own=addressed,
        application=draft.application,
    )


def _addressed(draft: Draft) -> Addressed:
    """An answer reaches no further than what it answers (COMMUNITIES 3)."""
    wanted, parent = addressing.chosen(draft.visibility, draft.author), draft.in_reply_to
    local_only = draft.local_only or wanted.local_only
    if parent is not None:
        local_only = local_only or parent.local_only
        if parent.kind not in ("public", "instance") and wanted.audience != NAMED:
            wanted = _as_the_parent(draft, parent)
    return addressing.kept_here(wanted) if local_only else wanted


def _as_the_parent(draft: Draft, parent: Post) -> Addressed:
    """To those who could read what is answered; to one's own followers where these are not ours."""
    if parent.kind == "followers" and not parent.local:
        return addressing.chosen("private", draft.author)
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
    known = actors.many(reader, [recipient.actor for recipient in recipients])
    people = [known[recipient.actor] for recipient in recipients if recipient.actor in known]
    addressed = Addressed(_audience(post), post.listed, post.local_only)
    addresses = addressing.stated(reader, author, addressed, [who.uri for who in people])
    names = visible_posts.tag_names(reader, post.id)
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
        mentions=_mentions(reader, people),
        hashtags=tuple(names),
        tag_links=tuple(uris.tag_page(reader.here, name.casefold()) for name in names),
    )


def _audience(post: Post) -> Audience:
    return Audience(post.kind, post.owner, post.collection)


def _mentions(reader: Reader, people: Sequence[Actor]) -> tuple[Mention, ...]:
    return tuple(Mention(who.uri, full_handle(reader.here.domain, who)) for who in people)
