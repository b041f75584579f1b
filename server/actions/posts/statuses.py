"""Posts as members write them: checked, composed, published; edited and deleted."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal, get_args

from federation.activities import Create, Delete, Update
from federation.objects import from_rows
from federation.objects.interaction_policy import OPEN, InteractionPolicy
from federation.objects.note import Note
from federation.objects.poll import Poll
from federation.outbound import outbox
from federation.vocabulary import addressing, uris
from federation.vocabulary.addressing import Addressed
from federation.vocabulary.sanitize_html import SafeHtml, line
from server.actions.posts import markup, media_attachments
from server.actions.posts.markup import Handle, Mentioned
from server.refusals import Invalid, NotThere
from storage.engine.ids import ActorId, PostId
from storage.engine.site import Site
from storage.engine.transaction import Reader, Writer
from storage.media.attachments import Media
from storage.people.actors import Actor
from storage.posts import idempotency, visible_posts
from storage.posts.audiences import NAMED, OPEN_KINDS
from storage.posts.visibility import Member
from storage.posts.visible_posts import Post

Visibility = Literal["public", "unlisted", "private", "direct", "local"]
VISIBILITIES: tuple[Visibility, ...] = get_args(Visibility)

NO_PARENT = "The post you are answering is not there, or not meant for you."


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusParams:
    """Post that a member wants to write, as it was asked for.

    `local_only` keeps it on this server, whoever else it is for; it never widens. `in_reply_to` is
    the number of a post, `media` numbers of their own files, `application` that of their client.
    `expected`: whom the text may mention, where the client was told; None: whomever it names.
    """

    text: str
    visibility: Visibility
    local_only: bool = False
    spoiler: str = ""
    sensitive: bool = False
    language: str | None = None
    in_reply_to: PostId | None = None
    application: int | None = None
    poll: Poll | None = None
    policies: InteractionPolicy = OPEN
    media: tuple[int, ...] = ()
    expected: frozenset[ActorId] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewStatus:
    """The same with what its numbers stand for, ready to be published."""

    author: Actor
    params: StatusParams
    mentioned: Mapping[Handle, Actor]
    in_reply_to: Post | None = None
    media: Sequence[Media] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusEdit:
    """Post as it is to read from now on. Whom it is for, an edit does not change.

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


NOBODY_NAMED = (
    "Nobody whom this names could be found, so nobody would get it. Nothing was posted: look at how"
    " the names are written."
)


def create(
    writer: Writer,
    author: Actor,
    params: StatusParams,
    mentioned: Mapping[Handle, Actor],
    key: str = "",
) -> PostId | None:
    """Publish what was asked for. None where an earlier request had this key (Idempotency-Key).

    Raises NotThere for what it answers, Invalid for its files.
    """
    if key and not idempotency.claim(writer, author.id, key):
        return None
    id_ = publish(writer, ready(writer, author, params, mentioned))
    if key:
        idempotency.keep(writer, author.id, key, id_)
    return id_


def ready(
    reader: Reader, author: Actor, params: StatusParams, mentioned: Mapping[Handle, Actor]
) -> NewStatus:
    """Look up what the numbers stand for. Raises NotThere, Invalid."""
    if params.visibility == "direct" and not mentioned and markup.find_mentions(params.text):
        raise Invalid(NOBODY_NAMED)
    ensure_expected(author, mentioned, params.expected)
    return NewStatus(
        author=author,
        params=params,
        mentioned=mentioned,
        in_reply_to=parent_of(reader, author, params),
        media=media_attachments.to_attach(reader, author, params.media),
    )


def ensure_expected(
    author: Actor, mentioned: Mapping[Handle, Actor], expected: frozenset[ActorId] | None
) -> None:
    """Raise Invalid with whoever the text mentions beside those whom its writer expects."""
    if expected is None:
        return
    others = {who.id: who for who in mentioned.values() if who.id not in {author.id, *expected}}
    if others:
        raise Invalid(
            UNEXPECTED,
            unexpected_accounts=[{"id": str(who.id), "acct": who.acct} for who in others.values()],
        )


UNEXPECTED = "This would mention people whom you did not expect. Nothing was posted."


def parent_of(reader: Reader, author: Actor, params: StatusParams) -> Post | None:
    """Post that is answered, if any. Raises NotThere where the author may not see it."""
    if params.in_reply_to is None:
        return None
    found = visible_posts.by_id(reader, Member(author.id), params.in_reply_to)
    if found is None:
        raise NotThere(NO_PARENT)
    return found


def publish(writer: Writer, draft: NewStatus) -> PostId:
    """Say it, in the unit of whoever calls."""
    id_ = PostId(writer.new_id())
    said = _note(writer, draft, id_)
    outbox.publish(writer, Create(id=outbox.new_uri(writer), actor=draft.author.uri, note=said))
    return id_


def revise(writer: Writer, author: Actor, post: Post, wording: StatusEdit) -> None:
    """Say it anew, in the unit of whoever calls; nothing is said where nothing is changed."""
    before = from_rows.note_of(writer, post)
    after = _reword(writer, author, post, before, wording)
    if after != before:
        publish_edit(writer, author, replace(after, updated=writer.now))


def publish_edit(writer: Writer, author: Actor, said: Note) -> None:
    """Tell everybody whom a post reached how it stands now."""
    outbox.publish(writer, Update(id=outbox.new_uri(writer), actor=author.uri, note=said))


def delete(writer: Writer, author: Actor, post: Post) -> None:
    """Take it away from everybody whom it reached."""
    outbox.publish(writer, Delete(id=outbox.new_uri(writer), actor=author.uri, what=post.uri))


def set_interaction_policy(
    writer: Writer, author: Actor, post: Post, policies: InteractionPolicy
) -> None:
    """Say who may do what with it from now on; nothing is said where nothing changes."""
    if policies != from_rows.interaction_policy_of(post):
        said = replace(from_rows.note_of(writer, post), policies=policies)
        publish_edit(writer, author, said)


def _reword(reader: Reader, author: Actor, post: Post, before: Note, wording: StatusEdit) -> Note:
    before_named = from_rows.find_addressed(reader, post)
    people = list(dict.fromkeys(wording.mentioned.values()))
    if post.kind not in OPEN_KINDS:  # whom it was not for, it links and does not address
        addressed = {who.id for who in before_named}
        people = [who for who in people if who.id in addressed]
    named = dict.fromkeys(who.uri for who in (*before_named, *people))
    addresses = addressing.render(reader, author, from_rows.read_addressed(post), list(named))
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
        mentions=from_rows.mentions(reader, people),
        hashtags=tuple(names),
        tag_links=from_rows.tag_links(reader.site, names),
        source=wording.text,
        poll=_with_figures(wording.poll, before.poll),
        policies=wording.policies,
        attachments=before.attachments
        if wording.media is None
        else from_rows.attachments_for(reader.site, wording.media, from_rows.read_addressed(post)),
        emoji_tags=from_rows.emoji_tags_for(reader, wording.text, wording.spoiler, wording.poll),
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


def _note(writer: Writer, draft: NewStatus, id_: PostId) -> Note:
    site, author, params = writer.site, draft.author, draft.params
    addressed = _address(draft)
    people = list(dict.fromkeys(draft.mentioned.values()))
    addresses = addressing.render(writer, author, addressed, [who.uri for who in people])
    names = markup.find_hashtags(params.text)
    parent = draft.in_reply_to
    return Note(
        id=uris.post(site, id_),
        type="Question" if params.poll else "Note",
        author=author.uri,
        content=_content(site, params.text, draft.mentioned),
        spoiler=line(params.spoiler, 500),
        sensitive=params.sensitive or bool(params.spoiler) or author.sensitized,
        language=params.language,
        published=writer.now,
        url=uris.post_page(site, author.name, id_),
        in_reply_to=parent.uri if parent else None,
        context=(parent.context if parent else None) or uris.context(site, id_),
        to=addresses.to,
        cc=addresses.cc,
        mentions=from_rows.mentions(writer, people),
        hashtags=tuple(names),
        tag_links=from_rows.tag_links(site, names),
        source=params.text,
        own=addressed,
        application=params.application,
        poll=params.poll,
        policies=params.policies,
        attachments=from_rows.attachments_for(site, draft.media, addressed),
        emoji_tags=from_rows.emoji_tags_for(writer, params.text, params.spoiler, params.poll),
    )


def _address(draft: NewStatus) -> Addressed:
    """An answer reaches no further than what it answers (COMMUNITIES 3)."""
    params, parent = draft.params, draft.in_reply_to
    wanted = addressing.of_visibility(params.visibility, draft.author)
    local_only = params.local_only or wanted.local_only
    if parent is not None:
        local_only = local_only or parent.local_only
        if parent.kind not in ("public", "instance") and wanted.audience != NAMED:
            wanted = _as_the_parent(draft, parent)
    return addressing.restrict_to_instance(wanted) if local_only else wanted


def _as_the_parent(draft: NewStatus, parent: Post) -> Addressed:
    """Audience of who could read what is answered; one's own followers where these are not ours."""
    if parent.kind == "followers" and not parent.local:
        return addressing.of_visibility("private", draft.author)
    return Addressed(from_rows.audience_of(parent))


def _links(domain: str, mentioned: Mapping[Handle, Actor]) -> dict[Handle, Mentioned]:
    return {
        handle: Mentioned(who.name, who.domain or domain, who.url or who.uri)
        for handle, who in mentioned.items()
    }
